package discovery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// house is a Watcher over a server whose answers the test sets, in a bubble of
// simulated time.
type house struct {
	*Watcher
	log ktesting.Underlier

	mu     sync.Mutex
	served serverResources
	err    error
	noted  noted
}

// noted is what a house has seen.
type noted struct {
	refreshes []time.Duration // when each was, from the start on
	calls     [][]string      // what onChange was called with
	runs      []string        // what the metrics were told of refreshes
}

// serve sets what the server serves from now on.
func (h *house) serve(r serverResources, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.served, h.err = r, err
}

func (h *house) seen() noted {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.noted
}

func (h *house) DiscoveryRan(err error, failing []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		h.noted.runs = append(h.noted.runs, "failed")
	case len(failing) > 0:
		h.noted.runs = append(h.noted.runs, "all but "+strings.Join(failing, ", "))
	default:
		h.noted.runs = append(h.noted.runs, "ok")
	}
}

func (h *house) Types(int) {}

// start runs a Watcher that is stopped when the test ends. When it returns, the
// first refresh has ended.
func start(t *testing.T, named string, first serverResources, err error) *house {
	t.Helper()
	names, parseErr := ParseTypes(named)
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	h := &house{served: first, err: err}
	began := time.Now()
	h.Watcher = newWatcher(func(context.Context) (serverResources, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.noted.refreshes = append(h.noted.refreshes, time.Since(began))
		return h.served, h.err
	}, Config{Named: names, Interval: 5 * time.Minute, Metrics: h})
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true), ktesting.Verbosity(0)))
	h.log = logOf(t, logger)
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), logger))
	t.Cleanup(cancel)
	go h.Run(ctx, func(_ context.Context, types []Type) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.noted.calls = append(h.noted.calls, texts(types))
	})
	synctest.Wait()
	return h
}

func logOf(t *testing.T, logger klog.Logger) ktesting.Underlier {
	t.Helper()
	log, ok := logger.GetSink().(ktesting.Underlier)
	if !ok {
		t.Fatal("the test's logger keeps no log")
	}
	return log
}

// change says that something has changed.
func (h *house) change() {
	select {
	case h.changes.notify <- struct{}{}:
	default:
	}
}

// after lets simulated time pass and everything in it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// lines returns the log so far, less the first line.
func (h *house) lines() []string {
	lines := strings.Split(strings.TrimSpace(h.log.GetBuffer().String()), "\n")
	return lines[1:]
}

func serving(kinds ...string) serverResources {
	version := v("v1")
	for _, kind := range kinds {
		version.Resources = append(version.Resources, served(kind))
	}
	return serverResources{lists: groups(group("", version))}
}

func failing(r serverResources, gvs ...schema.GroupVersion) serverResources {
	r.failed = map[schema.GroupVersion]error{}
	for _, gv := range gvs {
		r.failed[gv] = errors.New("stale")
	}
	return r
}

// and adds an API group to what is served.
func and(r serverResources, g apidiscovery.APIGroupDiscovery) serverResources {
	r.lists = append(r.lists, groups(g)...)
	return r
}
