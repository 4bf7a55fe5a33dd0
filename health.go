package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lukaszraczylo/kubemirror/informers"
)

// silence is how long a watch may hear nothing before the process is taken for
// dead. The server ends a watch after ten minutes at most and sends bookmarks in
// between, and a refusal counts as hearing; so this is a watch that hangs.
const silence = 20 * time.Minute

// health answers the probes.
type health struct {
	// standby says that a process with nothing at work waits for the lease, and is as
	// ready as it can be; otherwise it is about to begin.
	standby bool

	mu         sync.Mutex
	namespaces *informers.Informer
	set        *informers.Set
	typesKnown bool
	wasReady   bool
}

func (h *health) working(namespaces *informers.Informer, set *informers.Set) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.namespaces, h.set = namespaces, set
}

// discovered takes note that the types have been found, and their informers started.
func (h *health) discovered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.typesKnown = true
}

// live notices watches that have died without a word.
func (h *health) live() error {
	quiet, name := h.quietest()
	if quiet > silence {
		return fmt.Errorf("the watch of %s has heard nothing for %s", name, quiet.Round(time.Second))
	}
	return nil
}

// quiet is how long the quietest watch has heard nothing.
func (h *health) quiet() time.Duration {
	quiet, _ := h.quietest()
	return quiet
}

func (h *health) quietest() (time.Duration, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.set == nil {
		return 0, ""
	}
	quiet, resource := h.set.Quiet()
	if q := h.namespaces.Quiet(); q > quiet {
		return q, "namespaces"
	}
	return quiet, resource.GroupResource().String()
}

// ready says that the caches are filled. A type that can't be listed doesn't hold
// it up (I7).
func (h *health) ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.wasReady: // a type that comes later doesn't make it unready
		return nil
	case h.set == nil && h.standby:
		return nil
	case h.set == nil:
		return errors.New("the work has not begun yet")
	}
	select {
	case <-h.namespaces.Synced():
	default:
		return errors.New("the namespaces have not been listed yet")
	}
	if !h.typesKnown {
		return errors.New("the resource types are not known yet")
	}
	if !h.set.Settled() {
		return errors.New("not every type has been listed yet")
	}
	h.wasReady = true
	return nil
}
