package discovery

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// lookTimeout bounds one look. It is the time-out of client-go's discovery client.
const lookTimeout = 32 * time.Second

// Metrics is told how discovery fares.
type Metrics interface {
	// DiscoveryRan is called after each look: with the error of one that failed
	// as a whole, or with the API groups that it could not read.
	DiscoveryRan(err error, failingGroups []string)
	// Types is called with the number of types after each look that did not fail.
	Types(n int)
}

// Config is what a Watcher needs. All fields but Named must be set.
type Config struct {
	// REST is how to reach the API server; its rate limiter is shared. HTTP is
	// the client to send requests with.
	REST *rest.Config
	HTTP *http.Client
	// Metadata watches CustomResourceDefinitions and APIServices.
	Metadata metadata.Interface
	// Named are the types to find. None means all that can be mirrored.
	Named []Name
	// Interval is the time between looks while nothing says that the served
	// types change (--discovery-interval).
	Interval time.Duration
	Metrics  Metrics
}

// Watcher keeps the set of types that can be mirrored up to date. Make one with New.
type Watcher struct {
	ask      func(context.Context) (answer, error)
	triggers []trigger
	bell     bell
	young    *young
	named    []Name
	interval time.Duration
	metrics  Metrics

	// These belong to Run.
	types []Type
	known bool
	told  told
}

// New returns a Watcher. It sends no request.
//
// With no names in the config, a look costs two requests (aggregated discovery
// under /api and /apis). With names, it costs one for each group version that
// they are of (/api/v1, /apis/<group>/<version>): nothing else of the server's
// API is read, and a server that is slow to serve another group does not matter. Nor
// are CustomResourceDefinitions and APIServices watched, where no name is of a group
// that these bring.
func New(c Config) (*Watcher, error) {
	if c.Interval <= 0 {
		return nil, fmt.Errorf("discovery interval %s: want more than 0", c.Interval)
	}
	server, err := newServer(c.REST, c.HTTP)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		ask: server.everything, bell: newBell(), young: newYoung(),
		named: c.Named, interval: c.Interval, metrics: c.Metrics,
	}
	var groups map[string]bool
	if len(c.Named) > 0 {
		versions := groupVersions(c.Named)
		w.ask = func(ctx context.Context) (answer, error) { return server.versions(ctx, versions) }
		groups = customGroups(versions)
	}
	for _, resource := range triggers {
		if groups != nil && len(groups) == 0 {
			break
		}
		w.triggers = append(w.triggers, trigger{c.Metadata, resource, groups, c.Interval, w.bell, w.young})
	}
	return w, nil
}

// Run looks and calls onChange until the context ends. onChange gets the whole
// set, sorted and not to be changed: once after the first look that succeeds,
// even if the set is empty, and then whenever it is another set. No look happens
// while it runs. Run may be called once.
//
// A look that fails leaves the set as it was, and so does the failure of an API
// group for the types of that group. Both are logged once, and retried.
func (w *Watcher) Run(ctx context.Context, onChange func(ctx context.Context, types []Type)) {
	logger := klog.FromContext(ctx)
	logger.Info("discovery manager started", "named", names(w.named), "interval", w.interval)
	var running sync.WaitGroup
	defer running.Wait()
	for _, t := range w.triggers {
		running.Go(func() { t.run(ctx) })
	}
	s := newSchedule(w.interval, time.Now())
	for {
		due := time.NewTimer(time.Until(s.next()))
		select {
		case <-ctx.Done():
			due.Stop()
			return
		case <-w.bell.changed:
			s.changed(time.Now())
		case <-w.bell.relisted:
			s.relisted(time.Now())
		case <-due.C:
			r := w.look(ctx, onChange)
			s.done(time.Now(), r)
		}
		due.Stop()
	}
}

func (w *Watcher) look(ctx context.Context, onChange func(context.Context, []Type)) result {
	askCtx, cancel := context.WithTimeout(ctx, lookTimeout)
	a, err := w.ask(askCtx)
	cancel()
	if ctx.Err() != nil {
		return result{}
	}
	w.metrics.DiscoveryRan(err, failedGroups(a))
	w.told.failure(ctx, err)
	if err != nil {
		return result{failed: true}
	}
	found, absent := filter(a, w.named)
	types := merge(w.types, w.young.without(found, w.types), a)
	w.metrics.Types(len(types))
	w.told.groups(ctx, a.failed)
	w.told.absent(ctx, absent, types)
	changed := !w.known || !slices.Equal(types, w.types)
	if changed {
		klog.FromContext(ctx).Info("resource discovery", "added", difference(types, w.types), "removed", difference(w.types, types), "types", len(types))
		w.types, w.known = types, true
		onChange(ctx, types)
	}
	return result{changed: changed, partly: len(a.failed) > 0}
}

// groupVersions returns those of the names, each once, in their order.
func groupVersions(named []Name) []schema.GroupVersion {
	var versions []schema.GroupVersion
	for _, name := range named {
		if gv := name.groupVersion(); !slices.Contains(versions, gv) {
			versions = append(versions, gv)
		}
	}
	return versions
}

// customGroups returns the groups whose kinds come and go with definitions or API
// services.
func customGroups(versions []schema.GroupVersion) map[string]bool {
	groups := map[string]bool{}
	for _, gv := range versions {
		if !builtIn(gv.Group) {
			groups[gv.Group] = true
		}
	}
	return groups
}

func failedGroups(a answer) []string {
	groups := map[string]bool{}
	for gv := range a.failed {
		groups[gv.Group] = true
	}
	return slices.Sorted(maps.Keys(groups))
}

func names(named []Name) []string {
	out := []string{}
	for _, name := range named {
		out = append(out, name.String())
	}
	return out
}
