package informers

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// ListWatch lists and watches one kind of object; the dynamic and the metadata
// client's methods have these forms. Both must return when their context is done.
type ListWatch struct {
	List  func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error)
	Watch func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// Informer watches one selection of objects of one type.
type Informer struct {
	name      string
	listWatch ListWatch
	store     *store
	failing   func(error)
	state     atomic.Int32
	// streaming says that the list that comes next is the beginning of a watch.
	// The reflector asks for one thing at a time, so it needs no lock.
	streaming bool
}

// The states of an informer.
const (
	works int32 = iota
	unanswered
	refused
)

// New makes an informer; Run starts it. Name is for log lines. Transform is
// applied to each object before it is kept and handed on, and must accept its own
// output; an object over which it fails is passed over, and its error, which must
// not hold content, is logged.
// Failing is called with the error when a list or watch begins to fail, or fails
// by a refusal where there had been no answer, and with nil when it works again.
func New(name string, listWatch ListWatch, transform cache.TransformFunc, handler Handler, failing func(error)) *Informer {
	i := &Informer{name: name, listWatch: listWatch, failing: failing}
	i.store = &store{
		name:      name,
		transform: transform,
		handler:   handler,
		replaced:  i.listed,
		items:     map[types.NamespacedName]any{},
		synced:    make(chan struct{}),
		born:      time.Now(),
	}
	return i
}

// backoff is what the reflector's own loop does between two lists.
var backoff = wait.Backoff{Duration: 800 * time.Millisecond, Factor: 2, Jitter: 1, Steps: 10, Cap: 30 * time.Second}

// Run watches until the context is done, and returns when nothing of it is left.
func (i *Informer) Run(ctx context.Context) {
	i.store.touch()
	listing := make(chan struct{}, 1) // has something in it while a list is under way
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			select {
			case listing <- struct{}{}:
				defer func() { <-listing }()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			i.streaming = false
			list, err := i.listWatch.List(ctx, options)
			i.store.touch()
			return list, err
		},
		WatchFuncWithContext: i.watch,
	}
	reflector := cache.NewReflectorWithOptions(lw, nil, i.store, cache.ReflectorOptions{
		Name: i.name, TypeDescription: i.name, Clock: hurried{ctx: ctx},
	})
	// The reflector's own loop would log each failure of each type at each try.
	_ = backoff.DelayWithReset(clock.RealClock{}, 2*time.Minute).Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		if err := reflector.ListAndWatchWithContext(ctx); err != nil {
			i.heard(ctx, err)
		}
		return false, nil
	})
	// The reflector doesn't wait for a list that is under way.
	listing <- struct{}{}
}

func (i *Informer) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	i.streaming = options.SendInitialEvents != nil && *options.SendInitialEvents
	w, err := i.listWatch.Watch(ctx, options)
	i.store.touch()
	switch {
	case apierrors.IsTooManyRequests(err) || utilnet.IsConnectionRefused(err):
		i.heard(ctx, err) // the reflector tries again by itself, and doesn't tell
	case err == nil && !i.streaming:
		i.heard(ctx, nil)
	}
	// A server that doesn't stream lists refuses it, and is asked for a plain list
	// next. And a stream that is opened has yet to bring a list.
	return w, err
}

// listed is called after each list. A plain one says nothing about whether a
// watch will work.
func (i *Informer) listed() {
	if i.streaming {
		i.heard(context.Background(), nil)
	}
}

func (i *Informer) heard(ctx context.Context, err error) {
	state := works
	var refusal apierrors.APIStatus
	switch {
	case ctx.Err() != nil:
		return
	case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		return // the usual end of an old watch; the reflector lists again
	case errors.As(err, &refusal):
		state = refused
	case err != nil:
		state = unanswered
	}
	if i.state.Swap(state) != state {
		i.failing(err)
	}
}

// Synced is closed once the first list has been taken in and all its objects
// have been handed to the handler.
func (i *Informer) Synced() <-chan struct{} { return i.store.synced }

// Failing reports whether the last list or watch was refused.
func (i *Informer) Failing() bool { return i.state.Load() != works }

// Quiet is how long nothing was heard from the server: no event, no bookmark, no
// answer to a list or watch, not even a refusal. A watch ends by itself within
// ten minutes and is opened again, so much more than that means that it is dead.
func (i *Informer) Quiet() time.Duration { return i.store.quiet() }

// settled reports whether the first list has been taken in, or was refused.
func (i *Informer) settled() bool {
	select {
	case <-i.Synced():
		return true
	default:
		return i.Failing()
	}
}
