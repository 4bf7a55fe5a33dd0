package kit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
)

// Event is what somebody reported about an object.
type Event struct {
	// Type is Normal or Warning.
	Type string
	// Reason is one word for machines.
	Reason string
	// Note is the text for people.
	Note string
}

// String is the event in one line.
func (ev Event) String() string { return ev.Type + " " + ev.Reason + ": " + ev.Note }

// Events returns the events about an object, in no particular order.
func (e *Env) Events(r Ref) []Event {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	events, err := e.events(ctx, r)
	if err != nil {
		e.t.Fatalf("list the events of %s: %v", r, err)
	}
	return events
}

// WaitForEvent waits for an event about the object with that reason and a note
// that holds the text, and returns it.
func (e *Env) WaitForEvent(r Ref, reason, text string) Event {
	e.t.Helper()
	var found Event
	e.Eventually(fmt.Sprintf("an event %s of %s with %q", reason, r, text), func(ctx context.Context) error {
		events, err := e.events(ctx, r)
		if err != nil {
			return err
		}
		for _, found = range events {
			if found.Reason == reason && strings.Contains(found.Note, text) {
				return nil
			}
		}
		return fmt.Errorf("its events are %v", events)
	})
	return found
}

func (e *Env) events(ctx context.Context, r Ref) ([]Event, error) {
	namespace := r.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault // where events about what has no namespace go
	}
	resource, err := e.client.resource("Event.v1", namespace)
	if err != nil {
		return nil, err
	}
	list, err := resource.List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.kind=" + gvk(r.Kind).Kind + ",involvedObject.name=" + r.Name,
	})
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(list.Items))
	for i, item := range list.Items {
		events[i].Type, _, _ = unstructured.NestedString(item.Object, "type")
		events[i].Reason, _, _ = unstructured.NestedString(item.Object, "reason")
		events[i].Note, _, _ = unstructured.NestedString(item.Object, "message")
	}
	return events, nil
}

// describe is an object and its events, for a failed test to print.
func (e *Env) describe(r Ref, o *unstructured.Unstructured) string {
	var text strings.Builder
	if o != nil {
		o = o.DeepCopy()
		o.SetManagedFields(nil) // long, and never the point
		y, err := yaml.Marshal(o)
		if err != nil {
			y = []byte(err.Error())
		}
		fmt.Fprintf(&text, "%s is:\n%s", r, y)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	events, err := e.events(ctx, r)
	if err != nil {
		fmt.Fprintf(&text, "its events can't be listed: %v\n", err)
	}
	for _, event := range events {
		fmt.Fprintf(&text, "event: %s\n", event)
	}
	return text.String()
}

// lastRequests is how many of a process's requests are shown after a test that failed.
const lastRequests = 20

// requested is what a process asked of the API server last, watches aside.
func (e *Env) requested(k *Kubemirror) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	requests, err := e.Audit().Since(ctx, e.begin, audit.Filter{User: k.User, Except: []string{"leases"}})
	if err != nil {
		return err.Error()
	}
	requests = slices.DeleteFunc(requests, func(r audit.Request) bool { return r.Verb == "watch" })
	return requests[max(0, len(requests)-lastRequests):].String()
}

// report prints, after a test that failed, what its processes logged and asked for.
func (e *Env) report() {
	if !e.t.Failed() {
		return
	}
	for _, k := range e.processes {
		state := "running"
		if k.Ended() {
			state = fmt.Sprintf("ended with exit code %d", k.ExitCode())
		}
		e.t.Logf("the log of %s (%s) ends:\n%s\nand its requests end:\n%s", k.Name(), state, k.LogTail(60), e.requested(k))
	}
	if err := e.suite.plane.Check(); err != nil {
		e.t.Logf("the control plane is not whole: %v", err)
	}
}
