package discovery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

var apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}

// listAPIServices returns how to list and watch the metadata of APIServices.
func listAPIServices(client metadata.Interface) *cache.ListWatch {
	services := client.Resource(apiServices)
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return services.List(ctx, options)
		},
		WatchFuncWithContext: services.Watch,
	}
}

// changes is what the informers share with the Watcher.
type changes struct {
	groups   map[string]bool // the API groups that matter; nil for all
	failures *failures
	// notify holds at most one signal: many changes before a refresh are one.
	notify chan struct{}
	// establishing has, by the name of a definition, until when it is to be left
	// alone.
	establishing sync.Map
}

// changeInformer watches one resource whose changes change what the API server
// serves.
type changeInformer struct {
	*changes
	resource  schema.GroupResource
	object    runtime.Object
	listWatch *cache.ListWatch
	interval  time.Duration // between attempts where it is refused
}

// run watches until the context ends. Where it may not, it says so in one log line
// and tries again at the interval: types then come and go at the interval, which is
// how an installation works whose rights cover the named types alone.
func (c *changeInformer) run(ctx context.Context) {
	wait.JitterUntilWithContext(ctx, c.watchUntilRefused, c.interval, 0.5, true)
}

func (c *changeInformer) watchUntilRefused(ctx context.Context) {
	logger := klog.FromContext(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	informer := cache.NewSharedIndexInformerWithOptions(c.reporting(), c.object, cache.SharedIndexInformerOptions{
		ObjectDescription: c.resource.String(),
	})
	// These fail for an informer that has been started.
	_ = informer.SetTransform(reduce)
	_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		if c.failures.changed(c.resource.String(), "failed") {
			logger.Info("New types are seen at the discovery interval only, until this can be watched", "resource", c.resource.String(), "err", err)
		}
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			cancel() // the informer itself would ask twice a minute
		}
	})
	_, _ = informer.AddEventHandler(c)
	informer.RunWithContext(ctx)
}

// reporting returns how to list and watch, with a watch that works noted.
func (c *changeInformer) reporting() *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: c.listWatch.ListWithContextFunc,
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := c.listWatch.WatchFuncWithContext(ctx, options)
			if err == nil {
				c.failures.changed(c.resource.String(), "")
			}
			if options.SendInitialEvents != nil && (utilnet.IsConnectionRefused(err) || apierrors.IsTooManyRequests(err)) {
				// In a list that is streamed, the reflector would wait for these up to a
				// minute and deaf to the context.
				err = errors.New(err.Error())
			}
			return w, err
		},
	}
}

// reduce is the informers' transform. It never fails, for an error would fail the
// whole list, and takes its own output, for objects of a list pass it twice.
func reduce(obj any) (any, error) {
	switch o := obj.(type) {
	case *definition:
		return o.reduced(), nil
	case *metav1.PartialObjectMetadata:
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: o.Name, ResourceVersion: o.ResourceVersion}}, nil
	}
	return obj, nil
}

// OnAdd handles an object that is new, or new to us.
func (c *changeInformer) OnAdd(obj any, _ bool) { c.changed(obj) }

// OnUpdate handles an object that has changed. Of an APIService it is not known what.
func (c *changeInformer) OnUpdate(old, obj any) {
	before, isDefinition := old.(*definition)
	if isDefinition && before.servesLike(obj.(*definition)) {
		return
	}
	c.changed(obj)
}

// OnDelete handles an object that is gone.
func (c *changeInformer) OnDelete(obj any) {
	if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	c.changed(obj)
}

func (c *changeInformer) changed(obj any) {
	object, ok := obj.(metav1.Object)
	if !ok || !c.concerns(object.GetName()) {
		return
	}
	if d, ok := obj.(*definition); ok {
		now := time.Now()
		if ready := d.establishedBy(now); ready.After(now) {
			c.establishing.Store(d.Name, ready)
		}
	}
	select {
	case c.notify <- struct{}{}:
	default:
	}
}

// concerns reports whether a change of the named object bears on the types that
// matter. The names of both resources end in the API group: those of
// CustomResourceDefinitions are plural.group, those of APIServices
// version.group, with nothing after the dot for the core group.
func (c *changes) concerns(name string) bool {
	_, group, _ := strings.Cut(name, ".")
	return c.groups == nil || c.groups[group]
}

// established returns those of the types that have been established long enough, or
// of whose kinds we had a type before, and how long the next one has still to wait,
// or 0.
func (c *changes) established(types, had []Type, now time.Time) (ready []Type, next time.Duration) {
	waiting := map[string]bool{}
	c.establishing.Range(func(name, until any) bool {
		remaining := until.(time.Time).Sub(now)
		if remaining <= 0 {
			c.establishing.CompareAndDelete(name, until)
			return true
		}
		waiting[name.(string)] = true
		if next == 0 || remaining < next {
			next = remaining
		}
		return true
	})
	kinds := map[schema.GroupKind]bool{}
	for _, t := range had {
		kinds[t.groupKind()] = true
	}
	for _, t := range types {
		if !waiting[t.Resource.GroupResource().String()] || kinds[t.groupKind()] {
			ready = append(ready, t)
		}
	}
	return ready, next
}
