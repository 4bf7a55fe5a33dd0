package discovery

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

const (
	// fetchTimeout bounds one refresh. It is the time-out of client-go's discovery
	// client.
	fetchTimeout = 32 * time.Second

	// debounce is how long a refresh waits for more changes: an installation creates
	// dozens of CustomResourceDefinitions in a row.
	debounce = time.Second
	// recheckAfter is the time from a refresh that changes led to until another one:
	// what was changed may be served a little later, above all by other API servers
	// behind a load balancer.
	recheckAfter = 4 * time.Second

	// After unchangedBurst refreshes for changes that found nothing new, there is one
	// each throttled only. It bounds what an APIService costs whose status flaps. A
	// refresh that finds something new ends it.
	unchangedBurst = 20
	throttled      = 30 * time.Second

	// retryFirst is the wait after the first refresh that failed, wholly or in part.
	// It doubles up to retryMax where all failed, and up to the interval where
	// some API groups did: an APIService may be broken for good.
	retryFirst = time.Second
	retryMax   = 30 * time.Second
)

// Metrics is told how discovery fares.
type Metrics interface {
	// DiscoveryRan is called after each refresh: with the error of one that failed
	// as a whole, or with the API groups that it could not read.
	DiscoveryRan(err error, failingGroups []string)
	// Types is called with the number of types after each refresh that did not fail.
	Types(n int)
}

// Config is what a Watcher needs. All fields but Named must be set.
type Config struct {
	// REST is how to reach the API server; its rate limiter is shared. HTTP is
	// the client to send requests with.
	REST *rest.Config
	HTTP *http.Client
	// Metadata watches APIServices.
	Metadata metadata.Interface
	// Named are the types to find. None means all that can be mirrored.
	Named []Name
	// Interval is the time between refreshes while nothing says that the served
	// types change (--discovery-interval).
	Interval time.Duration
	Metrics  Metrics
}

// Watcher keeps the set of types that can be mirrored up to date. Make one with New.
type Watcher struct {
	fetch     func(context.Context) (serverResources, error)
	informers []*changeInformer
	changes   *changes
	named     []Name
	interval  time.Duration
	metrics   Metrics

	// These belong to Run.
	types   []Type
	known   bool
	failing int // refreshes in a row that failed, wholly or in part
	limiter *rate.Limiter
	recheck time.Time // when the next recheck is due; may lie in the past
}

// New returns a Watcher. It sends no request.
//
// With no names in the config, a refresh costs two requests (aggregated discovery
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
	w := newWatcher(server.everything, c)
	if len(c.Named) > 0 {
		versions := groupVersions(c.Named)
		w.fetch = func(ctx context.Context) (serverResources, error) { return server.versions(ctx, versions) }
		w.changes.groups = customGroups(versions)
		if len(w.changes.groups) == 0 {
			return w, nil
		}
	}
	listWatch, err := listDefinitions(c.REST, c.HTTP)
	if err != nil {
		return nil, err
	}
	retry := max(c.Interval, retryMax)
	w.informers = []*changeInformer{
		{w.changes, definitions.GroupResource(), &definition{}, listWatch, retry},
		{w.changes, apiServices.GroupResource(), &metav1.PartialObjectMetadata{}, listAPIServices(c.Metadata), retry},
	}
	return w, nil
}

func newWatcher(fetch func(context.Context) (serverResources, error), c Config) *Watcher {
	return &Watcher{
		fetch:   fetch,
		changes: &changes{failures: &failures{}, notify: make(chan struct{}, 1)},
		named:   c.Named, interval: c.Interval, metrics: c.Metrics, limiter: newLimiter(),
	}
}

func newLimiter() *rate.Limiter { return rate.NewLimiter(rate.Every(throttled), unchangedBurst) }

// Run refreshes the set and calls onChange until the context ends. onChange gets the
// whole set, sorted and not to be changed: once after the first refresh that succeeds,
// even if the set is empty, and then whenever it is another set. No refresh happens
// while it runs. Run may be called once.
//
// A refresh that fails leaves the set as it was, and so does the failure of an API
// group for the types of that group. Both are logged once, and retried.
func (w *Watcher) Run(ctx context.Context, onChange func(ctx context.Context, types []Type)) {
	klog.FromContext(ctx).Info("Starting resource discovery", "named", names(w.named), "interval", w.interval)
	var running sync.WaitGroup
	defer running.Wait()
	for _, informer := range w.informers {
		running.Go(func() { informer.run(ctx) })
	}
	for ctx.Err() == nil {
		due := w.refresh(ctx, onChange)
		if w.recheck.After(time.Now()) && w.recheck.Before(due) {
			due = w.recheck
		}
		w.await(ctx, due)
	}
}

// await returns when the next refresh is due: at that time, or before it, soon after
// something has changed.
func (w *Watcher) await(ctx context.Context, due time.Time) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
		return
	case <-w.changes.notify:
	}
	delay := debounce
	if throttle := w.limiter.Reserve().Delay(); throttle > 0 {
		delay = max(delay, throttle)
	} else {
		w.recheck = time.Now().Add(debounce + recheckAfter)
	}
	more := time.NewTimer(delay)
	defer more.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-more.C:
	}
	select {
	case <-w.changes.notify: // it is about to be seen
	default:
	}
}

// refresh brings the set up to date and returns when the next refresh is due if
// nothing changes.
func (w *Watcher) refresh(ctx context.Context, onChange func(context.Context, []Type)) time.Time {
	fetchCtx, cancel := context.WithTimeout(ctx, fetchTimeout)
	r, err := w.fetch(fetchCtx)
	cancel()
	now := time.Now()
	if ctx.Err() != nil {
		return now
	}
	w.metrics.DiscoveryRan(err, failedGroups(r))
	w.logFailure(ctx, err)
	if err != nil {
		return now.Add(w.retry(min(w.interval, retryMax)))
	}
	found, absent := filter(r, w.named)
	found, establishing := w.changes.established(found, w.types, now)
	types := merge(w.types, found, r)
	w.metrics.Types(len(types))
	w.logFailedGroups(ctx, r.failed)
	w.logUnavailable(ctx, absent, types)
	if len(w.named) == 0 {
		w.logUndecided(ctx, undecidedKinds(r))
	}
	if !w.known || !slices.Equal(types, w.types) {
		klog.FromContext(ctx).Info("Completed resource discovery", "added", difference(types, w.types), "removed", difference(w.types, types), "types", len(types))
		w.types, w.known, w.limiter = types, true, newLimiter()
		onChange(ctx, types)
	}
	next := wait.Jitter(w.interval, 0.1)
	if len(r.failed) > 0 {
		next = w.retry(w.interval)
	} else {
		w.failing = 0
	}
	if establishing > 0 {
		next = min(next, establishing)
	}
	return now.Add(next)
}

// retry returns how long to wait after one more refresh that failed.
func (w *Watcher) retry(longest time.Duration) time.Duration {
	w.failing++
	doubled := retryFirst << min(w.failing-1, 16)
	return wait.Jitter(min(doubled, longest), 0.1)
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

func failedGroups(r serverResources) []string {
	groups := map[string]bool{}
	for gv := range r.failed {
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
