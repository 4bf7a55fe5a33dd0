package informers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

// Informer watches one selection of objects of one type: a shared informer of
// client-go's, and what client-go doesn't tell of it.
type Informer struct {
	name      string
	informer  cache.SharedIndexInformer
	transform cache.TransformFunc
	synced    cache.DoneChecker
	failing   func(error)
	follower  Follower // nil: the handler is none
	state     atomic.Int32
	// listed has what was made of the objects of a plain list of metadata, by their
	// version, until it is taken in.
	listed sync.Map
	// listing has something in it while a list is under way.
	listing chan struct{}
	born    time.Time
	// lastHeard is counted from born: a step of the wall clock is not silence.
	lastHeard atomic.Int64
}

// The states of an informer.
const (
	works int32 = iota
	unanswered
	refused
)

// New makes an informer; Run starts it. Name is for log lines. Transform is
// applied to each object before it is handed on; what it makes must have metadata. An
// object over which it fails is passed over, and its error, which must not hold content,
// is logged.
// Failing is called with the error when a list or watch begins to fail, or fails
// by a refusal where there had been no answer, and with nil when it works again.
func New(name string, selection Selection, transform cache.TransformFunc, handler Handler, failing func(error)) *Informer {
	i := &Informer{name: name, transform: transform, failing: failing, listing: make(chan struct{}, 1), born: time.Now()}
	i.follower, _ = handler.(Follower)
	i.informer = selection.informer(i)
	// These fail only once the informer has been started.
	_ = i.informer.SetTransform(i.reduce)
	// client-go's own would log each failure of each type at each try.
	_ = i.informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) { i.heard(ctx, err) })
	registration, _ := i.informer.AddEventHandler(events{handler})
	i.synced = registration.HasSyncedChecker()
	return i
}

// Run watches until the context is done, and returns when nothing of it is left: it
// is what a factory's Start runs and its Shutdown waits for. Those would hide the
// context behind a channel, and each request that derives its own from it would cost
// a goroutine to watch that.
func (i *Informer) Run(ctx context.Context) {
	i.touch()
	i.informer.RunWithContext(ctx)
	i.listing <- struct{}{} // client-go doesn't wait for a list that is under way
}

// list asks for a list, or a page of one.
func list[L any](ctx context.Context, i *Informer, options metav1.ListOptions, ask func(context.Context, metav1.ListOptions) (L, error)) (answer L, err error) {
	select {
	case i.listing <- struct{}{}:
		defer func() { <-i.listing }()
	case <-ctx.Done():
		return answer, ctx.Err()
	}
	answer, err = ask(ctx, options)
	i.touch()
	if runtime.IsMissingKind(err) { // it quotes the answer (I8)
		err = errUndecodable
	}
	return answer, err
}

// watch opens a watch.
func (i *Informer) watch(ctx context.Context, options metav1.ListOptions, ask func(context.Context, metav1.ListOptions) (watch.Interface, error)) (watch.Interface, error) {
	streaming := ptr.Deref(options.SendInitialEvents, false)
	w, err := ask(ctx, options)
	i.touch()
	switch {
	case err == nil:
		if !streaming { // a stream that is opened has yet to bring a list
			i.heard(ctx, nil)
			i.reached(options.ResourceVersion) // by a plain list, or the watch before
		}
		return heeded{watch.Filter(w, func(event watch.Event) (watch.Event, bool) { return i.event(ctx, event, streaming), true })}, nil
	case retriable(err):
		i.heard(ctx, err) // client-go tries again by itself, and doesn't tell
		if streaming {
			err = errors.New(err.Error())
		}
	}
	return nil, err
}

// retriable reports whether client-go asks for a watch again by itself. Before it does
// so for a streamed list it waits up to a minute, without regard to its context: it
// must not know such an error, and goes on to a plain list.
func retriable(err error) bool {
	return apierrors.IsTooManyRequests(err) || utilnet.IsConnectionRefused(err)
}

// event sees all that a watch brings before client-go does, which shows bookmarks
// to nobody: they are the server's sign of life, about once a minute, on a watch on
// which nothing happens. A streamed list ends with one.
func (i *Informer) event(ctx context.Context, event watch.Event, streaming bool) watch.Event {
	i.touch()
	switch event.Type {
	case watch.Bookmark:
		i.heard(ctx, nil)
		if m, err := meta.Accessor(event.Object); err == nil {
			i.reached(m.GetResourceVersion())
		}
	case watch.Error:
		switch err := apierrors.FromObject(event.Object); {
		case apierrors.HasStatusCause(err, "ClientWatchDecoding"): // it may quote an object, and client-go logs it (I8)
			event.Object = &apierrors.NewInternalError(errUndecodable).ErrStatus
		case streaming && retriable(err):
			event.Object = &apierrors.NewInternalError(errors.New(err.Error())).ErrStatus
		}
	}
	return event
}

// reached tells that the server has sent all up to a resource version.
func (i *Informer) reached(resourceVersion string) {
	if i.follower != nil && resourceVersion != "" && resourceVersion != "0" {
		i.follower.Reached(resourceVersion)
	}
}

var errUndecodable = errors.New("the server's answer can't be decoded")

// heeded is a filtered watch that ends when it is stopped: a filter would wait
// forever for somebody to take the event that it holds.
type heeded struct{ watch.Interface }

// Stop implements watch.Interface.
func (h heeded) Stop() {
	h.Interface.Stop()
	for range h.ResultChan() {
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
func (i *Informer) Synced() <-chan struct{} { return i.synced.Done() }

// Failing reports whether the last list or watch was refused.
func (i *Informer) Failing() bool { return i.state.Load() != works }

func (i *Informer) touch() { i.lastHeard.Store(int64(time.Since(i.born))) }

// Quiet is how long nothing was heard from the server: no event, no bookmark, no
// answer to a list or watch, not even a refusal. A watch ends by itself within
// ten minutes and is opened again, so much more than that means that it is dead.
func (i *Informer) Quiet() time.Duration {
	return time.Since(i.born) - time.Duration(i.lastHeard.Load())
}

// settled reports whether the first list has been taken in, or was refused.
func (i *Informer) settled() bool { return cache.IsDone(i.synced) || i.Failing() }
