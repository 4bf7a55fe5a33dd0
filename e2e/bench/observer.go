package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// patience is how long the observer waits for the next thing to happen.
const patience = time.Minute

// observer watches all Secrets, raw ones and mirrors alike, from the moment that
// it was made.
type observer struct {
	mu      sync.Mutex
	tallies map[*tally]bool
	failed  error
}

// observe starts to watch; it ends with the context.
func observe(ctx context.Context, config *rest.Config) (*observer, error) {
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	secrets := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"})
	list, err := secrets.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, err
	}
	o := &observer{tallies: map[*tally]bool{}}
	go o.run(ctx, secrets, list.ResourceVersion)
	return o, nil
}

// run watches from a version on. The server ends the watch of a client that is
// slow for a moment; it goes on where it was.
func (o *observer) run(ctx context.Context, secrets metadata.ResourceInterface, version string) {
	for ctx.Err() == nil {
		w, err := secrets.Watch(ctx, metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			o.fail(fmt.Errorf("watch as observer: %w", err))
			return
		}
		for e := range w.ResultChan() {
			now := time.Now()
			object, err := meta.Accessor(e.Object)
			if err != nil {
				o.fail(fmt.Errorf("watch as observer: %w", apierrors.FromObject(e.Object)))
				return
			}
			version = object.GetResourceVersion()
			o.take(now, e.Type, object)
		}
	}
}

func (o *observer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = err
}

func (o *observer) take(now time.Time, event watch.EventType, object metav1.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for t := range o.tallies {
		t.take(now, event, object)
	}
}

// tally counts the different objects of which something is seen to happen.
type tally struct {
	o       *observer
	matches func(watch.EventType, metav1.Object) bool
	seen    map[string]bool
	last    time.Time
}

// expect starts to count.
func (o *observer) expect(matches func(watch.EventType, metav1.Object) bool) *tally {
	t := &tally{o: o, matches: matches, seen: map[string]bool{}}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tallies[t] = true
	return t
}

func (t *tally) take(now time.Time, event watch.EventType, object metav1.Object) {
	if !t.matches(event, object) {
		return
	}
	key := object.GetNamespace() + "/" + object.GetName()
	if !t.seen[key] {
		t.seen[key], t.last = true, now
	}
}

func (t *tally) now() (int, time.Time, error) {
	t.o.mu.Lock()
	defer t.o.mu.Unlock()
	return len(t.seen), t.last, t.o.failed
}

// wait waits until so many have been counted, and returns when that was. It gives
// up when nothing is counted for a while.
func (t *tally) wait(ctx context.Context, n int) (time.Time, error) {
	defer func() {
		t.o.mu.Lock()
		defer t.o.mu.Unlock()
		delete(t.o.tallies, t)
	}()
	for had, moved := -1, time.Now(); ; time.Sleep(time.Millisecond) {
		counted, last, err := t.now()
		switch {
		case counted >= n:
			return last, nil
		case err != nil:
			return last, err
		case ctx.Err() != nil:
			return last, ctx.Err()
		case counted > had:
			had, moved = counted, time.Now()
		case time.Since(moved) > patience:
			return last, fmt.Errorf("%d of %d were seen, and then nothing for %s", counted, n, patience)
		}
	}
}

// written matches objects of a name prefix in target namespaces, in a version.
func written(prefix, version string) func(watch.EventType, metav1.Object) bool {
	return func(event watch.EventType, object metav1.Object) bool {
		return event != watch.Deleted && isTarget(object, prefix) && object.GetLabels()[versionLabel] == version
	}
}

// deleted matches those that go.
func deleted(prefix string) func(watch.EventType, metav1.Object) bool {
	return func(event watch.EventType, object metav1.Object) bool {
		return event == watch.Deleted && isTarget(object, prefix)
	}
}
