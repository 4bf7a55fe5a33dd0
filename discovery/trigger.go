package discovery

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// triggers are the resources whose changes change what the server serves.
var triggers = []schema.GroupVersionResource{
	{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
}

// trigger watches the metadata of one of these resources. It keeps none of it.
type trigger struct {
	client   metadata.Interface
	resource schema.GroupVersionResource
	groups   map[string]bool // the API groups that matter; nil for all
	interval time.Duration   // the longest wait where the watch is refused
	bell     bell
	young    *young
}

// run watches until the context ends. Where it can't, it says so in one log line
// and tries again: types then come and go at the interval, which is how an
// installation works whose rights cover the named types alone.
func (t trigger) run(ctx context.Context) {
	logger := klog.FromContext(ctx)
	reflector := cache.NewReflectorWithOptions(t.listWatch(), &metav1.PartialObjectMetadata{}, doorbell{t}, cache.ReflectorOptions{
		Name: "discovery of " + t.resource.Resource,
	})
	var pause time.Duration
	failing := false
	for ctx.Err() == nil {
		start := time.Now()
		err := reflector.ListAndWatchWithContext(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > time.Minute {
			pause, failing = 0, false // it worked in between
		}
		if err != nil && !failing {
			logger.Info("new types are seen at the discovery interval only, until this can be watched", "resource", t.resource.GroupResource().String(), "err", err)
		}
		failing = err != nil
		pause = min(max(2*pause, retryFirst), t.longest(err))
		sleep(ctx, wait.Jitter(pause, 0.5))
	}
}

func (t trigger) longest(err error) time.Duration {
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return max(t.interval, retryMost)
	}
	return retryMost
}

func (t trigger) listWatch() cache.ListerWatcher {
	client := t.client.Resource(t.resource)
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := client.List(ctx, options)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := client.Watch(ctx, options)
			if utilnet.IsConnectionRefused(err) || apierrors.IsTooManyRequests(err) {
				// The reflector would wait for these by itself, up to a minute and
				// deaf to the context. As another error it gives them to run.
				return nil, errors.New(err.Error())
			}
			return w, err
		},
	}, t.client)
}

// concerns reports whether a change of the named object bears on the types that
// matter. The names of both resources end in the API group: those of
// CustomResourceDefinitions are plural.group, those of APIServices
// version.group, with nothing after the dot for the core group.
func (t trigger) concerns(name string) bool {
	_, group, _ := strings.Cut(name, ".")
	return t.groups == nil || t.groups[group]
}

// bell is how triggers tell the watcher to look. Both channels hold one signal:
// many events before a look are one.
type bell struct{ changed, relisted chan struct{} }

func newBell() bell { return bell{make(chan struct{}, 1), make(chan struct{}, 1)} }

func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// doorbell is a reflector's store that keeps nothing and rings.
type doorbell struct{ t trigger }

// Add rings.
func (d doorbell) Add(obj any) error { return d.event(obj) }

// Update rings.
func (d doorbell) Update(obj any) error { return d.event(obj) }

// Delete rings.
func (d doorbell) Delete(obj any) error {
	object, err := meta.Accessor(obj)
	if err == nil && d.t.concerns(object.GetName()) {
		ring(d.t.bell.changed)
	}
	return err
}

// Resync does nothing: there is nothing to go through again.
func (d doorbell) Resync() error { return nil }

// Replace follows each list: what changed since the last one is not known.
func (d doorbell) Replace([]any, string) error {
	ring(d.t.bell.relisted)
	return nil
}

func (d doorbell) event(obj any) error {
	object, err := meta.Accessor(obj)
	if err != nil || !d.t.concerns(object.GetName()) {
		return err
	}
	grown := func() { ring(d.t.bell.changed) }
	if wait := untilSettled(object.GetCreationTimestamp().Time, time.Now()); wait > 0 {
		d.t.young.add(object.GetName(), wait, grown)
	} else {
		grown()
	}
	return nil
}

// Transformer makes the reflector drop all but the name from the objects of a
// first list, which it gathers before Replace. Annotations of
// CustomResourceDefinitions hold whole manifests.
func (d doorbell) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		object, err := meta.Accessor(obj)
		if err != nil {
			return nil, err
		}
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: object.GetName()}}, nil
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
