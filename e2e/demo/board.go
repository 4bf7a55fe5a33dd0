package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// patience is how long anything may take to come right. It takes milliseconds; a
// busy machine takes longer.
const patience = 30 * time.Second

// board has what the watches have told of the server, and tells when that is as
// somebody waits for it to be.
type board struct {
	ctx context.Context // ends with the first watch that does
	end context.CancelCauseFunc

	mu      sync.Mutex
	objects objects
	mirrors map[ref]bool                // those that events were about since the last count
	latest  time.Time                   // when the last event came
	look    func(latest time.Time) bool // what is to be called at each event until it is true; or nil
}

func newBoard(ctx context.Context) *board {
	b := &board{objects: objects{}, mirrors: map[ref]bool{}}
	b.ctx, b.end = context.WithCancelCause(ctx)
	return b
}

func (b *board) close() { b.end(nil) }

// watch has the board hear of all objects of a type. It waits for a type that the
// server does not serve yet.
func (b *board) watch(client dynamic.Interface, resource schema.GroupVersionResource) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		events, err := client.Resource(resource).Watch(b.ctx, metav1.ListOptions{})
		if err == nil {
			go b.follow(resource, events)
			return nil
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("watch %s: %w", resource.Resource, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("watch %s: %w", resource.Resource, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *board) follow(resource schema.GroupVersionResource, events watch.Interface) {
	defer events.Stop()
	for event := range events.ResultChan() {
		at := time.Now() // before anything that takes time
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok || event.Type == watch.Error {
			b.end(fmt.Errorf("the watch of %s failed: %v", resource.Resource, event.Object))
			return
		}
		b.hear(ref{resource, o.GetNamespace(), o.GetName()}, o, event.Type == watch.Deleted, at)
	}
	b.end(fmt.Errorf("the watch of %s ended", resource.Resource))
}

func (b *board) hear(r ref, o *unstructured.Unstructured, gone bool, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if gone {
		delete(b.objects, r)
	} else {
		b.objects[r] = seen{o, at}
	}
	if isMirror(o) {
		b.mirrors[r] = true
	}
	b.latest = at
	if b.look != nil && b.look(at) {
		b.look = nil
	}
}

// count tells how many mirrors there were events about since it was last called.
func (b *board) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.mirrors)
	clear(b.mirrors)
	return n
}

// until waits until nothing is wrong and returns when the event came that made it
// so. It asks at each event, with the board locked: what is asked may look at the
// objects, and must not keep the map.
func (b *board) until(wrong func(objects) error) (time.Time, error) {
	last := errors.New("nobody has looked")
	right := make(chan time.Time, 1)
	look := func(latest time.Time) bool {
		if last = wrong(b.objects); last == nil {
			right <- latest
		}
		return last == nil
	}
	b.mu.Lock()
	if !look(b.latest) {
		b.look = look
	}
	b.mu.Unlock()
	defer b.stopLooking()
	select {
	case at := <-right:
		return at, nil
	case <-b.ctx.Done():
		return time.Time{}, context.Cause(b.ctx)
	case <-time.After(patience):
		b.stopLooking()
		return time.Time{}, fmt.Errorf("%v passed, and still: %w", patience, last)
	}
}

// stopLooking has nobody look any more, nor be looking, when it returns.
func (b *board) stopLooking() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look = nil
}

// again has whoever waits look once more, though nothing came from the server:
// do changed something that the answer hangs on.
func (b *board) again(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	if b.look != nil && b.look(b.latest) {
		b.look = nil
	}
}
