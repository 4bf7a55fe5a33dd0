package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// Eventually asks until the answer is nil. When the deadline passes first the
// test fails with what, the last answer, and the processes' logs.
func (e *Env) Eventually(what string, ask func(context.Context) error) {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	var last error
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil { // else the deadline is all that it tells of
			last = err
		}
		select {
		case <-ctx.Done():
			e.t.Fatalf("%v passed, and still not: %s: %v", e.patience, what, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Consistently asks for as long as d, and fails the test the first time that
// the answer is not nil.
func (e *Env) Consistently(what string, d time.Duration, ask func(context.Context) error) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d+e.patience)
	defer cancel()
	begin, end := time.Now(), time.After(d)
	for {
		if err := ask(ctx); err != nil {
			e.t.Fatalf("after %v it no longer holds: %s: %v", time.Since(begin).Round(time.Millisecond), what, err)
		}
		select {
		case <-end:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Check says what is wrong with an object that is there, nil if nothing is.
type Check func(o *unstructured.Unstructured) error

// Exists is the check of an object that need only be there.
func Exists(*unstructured.Unstructured) error { return nil }

// WaitFor watches the object until it is there and the check finds nothing
// wrong, and returns it as it is then. When the deadline passes first the test
// fails with what, the check's last word, the object and its events.
func (e *Env) WaitFor(r Ref, what string, check Check) *unstructured.Unstructured {
	e.t.Helper()
	return e.wait(r, what, func(o *unstructured.Unstructured) error {
		if o == nil {
			return errors.New("it is not there")
		}
		return check(o)
	})
}

// WaitGone watches the object until it is not there.
func (e *Env) WaitGone(r Ref) {
	e.t.Helper()
	e.wait(r, "is gone", func(o *unstructured.Unstructured) error {
		if o != nil {
			return errors.New("it is still there")
		}
		return nil
	})
}

// wait is WaitFor with a check that also takes nil, for no object.
func (e *Env) wait(r Ref, what string, check Check) *unstructured.Unstructured {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	w := waiting{ref: r, check: check}
	for {
		done, err := w.watch(ctx, e.client)
		if done {
			return w.last
		}
		select {
		case <-ctx.Done():
			e.t.Fatalf("%v passed, and still not: %s %s: %v\n%s", e.patience, r, what, errors.Join(w.wrong, err), e.describe(r, w.last))
		case <-time.After(20 * time.Millisecond): // the watch broke, or the server is away: again
		}
	}
}

// waiting is a wait in progress.
type waiting struct {
	ref   Ref
	check Check
	last  *unstructured.Unstructured // nil if it was not there
	wrong error                      // what the check said of it
}

// watch looks at the object and then at each of its changes. It returns true
// once nothing is wrong, and false when it can't look any longer.
func (w *waiting) watch(ctx context.Context, c *client) (bool, error) {
	resource, err := c.resource(w.ref.Kind, w.ref.Namespace)
	if err != nil {
		return false, err
	}
	only := metav1.ListOptions{FieldSelector: "metadata.name=" + w.ref.Name}
	// From etcd: never older than what the test saw. Past the deadline too: a failure
	// tells what was there, however slow the machine.
	list, err := resource.List(context.WithoutCancel(ctx), only)
	if err != nil {
		return false, err
	}
	var now *unstructured.Unstructured
	if len(list.Items) > 0 {
		now = &list.Items[0]
	}
	if w.look(now) {
		return true, nil
	}
	only.ResourceVersion = list.GetResourceVersion()
	changes, err := resource.Watch(ctx, only)
	if err != nil {
		return false, err
	}
	defer changes.Stop()
	for change := range changes.ResultChan() {
		o, ok := change.Object.(*unstructured.Unstructured)
		switch {
		case !ok || change.Type == watch.Error:
			return false, fmt.Errorf("the watch failed: %v", change.Object)
		case change.Type == watch.Deleted:
			o = nil
		}
		if w.look(o) {
			return true, nil
		}
	}
	return false, nil
}

func (w *waiting) look(o *unstructured.Unstructured) bool {
	w.last = o
	w.wrong = w.check(o)
	return w.wrong == nil
}
