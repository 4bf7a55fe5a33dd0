package kit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Habit is what somebody does whenever an object is seen to come, change or go, as
// operators and GitOps tools do: at once, and for ever.
type Habit struct {
	wrote atomic.Int64
	stop  context.CancelFunc
	done  chan struct{}
}

// Wrote is how often there was something to write.
func (h *Habit) Wrote() int { return int(h.wrote.Load()) }

// Stop ends the habit, as the test's end does.
func (h *Habit) Stop() {
	h.stop()
	<-h.done
}

// Whenever gives a habit to whose hands the Env is in. It is done once for what is
// there now, or isn't (nil), and then for each change; again, where it fails.
func (e *Env) Whenever(r Ref, do func(hands Hands, now *unstructured.Unstructured) error) *Habit {
	ctx, stop := context.WithCancel(context.Background())
	h := &Habit{stop: stop, done: make(chan struct{})}
	hands := Hands{ctx: ctx, env: e, habit: h}
	seen := waiting{ref: r, check: func(now *unstructured.Unstructured) error {
		if err := do(hands, now); err == nil {
			return errors.New("it is done, and the watch goes on")
		}
		return nil // which ends the watch
	}}
	go func() {
		defer close(h.done)
		for ctx.Err() == nil {
			_, _ = seen.watch(ctx, e.client)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	e.t.Cleanup(h.Stop)
	return h
}

// Hands are an Env for what happens beside the test: what goes wrong is an error, and
// fails nothing.
type Hands struct {
	ctx   context.Context
	env   *Env
	habit *Habit
}

// Find returns the object, nil if it is not there.
func (h Hands) Find(r Ref) (*unstructured.Unstructured, error) {
	resource, err := h.env.client.resource(r.Kind, r.Namespace)
	if err != nil {
		return nil, err
	}
	o, err := resource.Get(h.ctx, r.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return o, err
}

// Put makes the object, or where it has a resource version puts it in the place of
// that one.
func (h Hands) Put(o *unstructured.Unstructured) error {
	r := RefTo(o)
	h.env.track(r)
	var err error
	if o.GetResourceVersion() == "" {
		_, err = h.env.create(h.ctx, o)
	} else {
		_, err = h.env.update(h.ctx, o)
	}
	return h.did(err)
}

// Delete deletes the object, which must be there.
func (h Hands) Delete(r Ref) error { return h.did(h.env.delete(h.ctx, r)) }

func (h Hands) did(err error) error {
	if err == nil {
		h.habit.wrote.Add(1)
	}
	return err
}
