package informers

import (
	"context"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// ListWatch lists and watches one kind of object; the dynamic and the metadata
// client's methods have these forms.
type ListWatch struct {
	List  func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error)
	Watch func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// Informer watches one selection of objects of one type.
type Informer struct {
	name      string
	listWatch ListWatch
	store     *store
	// failing is told when a list or watch begins to fail and when it works again.
	failing   func(error)
	isFailing atomic.Bool
}

// New makes an informer; Run starts it. Name is for log lines. Transform is
// applied to each object before it is kept and handed on, and must accept its own
// output; an error of it would fail a whole list, so it should have none. Failing
// is called with the error when a list or watch begins to fail and with nil when
// it works again.
func New(name string, listWatch ListWatch, transform cache.TransformFunc, handler Handler, failing func(error)) *Informer {
	return &Informer{
		name:      name,
		listWatch: listWatch,
		failing:   failing,
		store: &store{
			transform: transform,
			handler:   handler,
			items:     map[types.NamespacedName]any{},
			synced:    make(chan struct{}),
		},
	}
}

// Run watches until the context is done, and returns when nothing of it is left.
func (i *Informer) Run(ctx context.Context) {
	i.store.touch()
	lw := &cache.ListWatch{
		ListWithContextFunc: func(_ context.Context, options metav1.ListOptions) (runtime.Object, error) {
			// The reflector's own context for lists is one that is never done.
			list, err := i.listWatch.List(ctx, options)
			i.heard(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := i.listWatch.Watch(ctx, options)
			i.heard(ctx, err)
			return w, err
		},
	}
	cache.NewReflectorWithOptions(lw, nil, i.store, cache.ReflectorOptions{Name: i.name, TypeDescription: i.name}).RunWithContext(ctx)
}

func (i *Informer) heard(ctx context.Context, err error) {
	i.store.touch()
	switch {
	case ctx.Err() != nil:
	case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		// The usual end of an old watch; the reflector lists again.
	case err != nil:
		if !i.isFailing.Swap(true) {
			i.failing(err)
		}
	case i.isFailing.Swap(false):
		i.failing(nil)
	}
}

// Synced is closed once the first list has been taken in and all its objects
// have been handed to the handler.
func (i *Informer) Synced() <-chan struct{} { return i.store.synced }

// Failing says whether the last list or watch was refused.
func (i *Informer) Failing() bool { return i.isFailing.Load() }

// Quiet is how long nothing was heard from the server: no event, no bookmark, no
// answer to a list or watch, not even a refusal. A watch ends by itself within
// ten minutes and is opened again, so much more than that means that it is dead.
func (i *Informer) Quiet() time.Duration {
	return time.Since(time.Unix(0, i.store.lastEvent.Load()))
}
