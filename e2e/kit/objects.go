package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/util/retry"
)

// Apply applies each object of the YAML, as "kubectl apply --server-side"
// would, and returns the last as the server has it now. PREFIX in the text
// stands for the test's prefix, so that PREFIX-app is Name("app").
func (e *Env) Apply(text string) *unstructured.Unstructured {
	e.t.Helper()
	objects, err := decode(strings.ReplaceAll(text, "PREFIX", e.prefix))
	if err != nil {
		e.t.Fatalf("read the YAML to apply: %v; it is:\n%s", err, text)
	}
	var last *unstructured.Unstructured
	for _, o := range objects {
		last = e.apply(o)
	}
	return last
}

// decode reads the objects of a YAML stream.
func decode(text string) ([]*unstructured.Unstructured, error) {
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		err := documents.Decode(o)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 { // an empty document is none
			objects = append(objects, o)
		}
	}
}

// apply applies one object.
func (e *Env) apply(o *unstructured.Unstructured) *unstructured.Unstructured {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	applied, err := e.applyNow(ctx, o)
	if err != nil {
		e.t.Fatal(err)
	}
	return applied
}

// applyNow is apply with what goes wrong as an error. A kind that the server doesn't
// have yet is waited for: its definition may have been applied a moment ago.
func (e *Env) applyNow(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := RefTo(o)
	e.track(r)
	for {
		resource, err := e.client.resource(r.Kind, r.Namespace)
		if meta.IsNoMatchError(err) && ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		applied, err := resource.Apply(ctx, r.Name, o, metav1.ApplyOptions{FieldManager: e.client.manager, Force: true})
		if unserved(err) && ctx.Err() == nil {
			<-time.After(pollServed)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("apply %s: %w", r, err)
		}
		return applied, nil
	}
}

// Trial asks the server what it would answer if the object of the YAML were applied;
// nil is yes.
func (e *Env) Trial(text string) error {
	e.t.Helper()
	objects, err := decode(strings.ReplaceAll(text, "PREFIX", e.prefix))
	if err != nil || len(objects) != 1 {
		e.t.Fatalf("read the one object to try: %v; it is:\n%s", err, text)
	}
	r := RefTo(objects[0])
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := e.context()
	defer cancel()
	_, err = resource.Apply(ctx, r.Name, objects[0], metav1.ApplyOptions{FieldManager: e.client.manager, Force: true, DryRun: []string{metav1.DryRunAll}})
	return err
}

// track remembers an object, to delete it when the test ends.
func (e *Env) track(r Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.applied[r] = true
}

// Get returns the object, which must be there.
func (e *Env) Get(r Ref) *unstructured.Unstructured {
	e.t.Helper()
	o := e.Find(r)
	if o == nil {
		e.t.Fatalf("%s is not there", r)
	}
	return o
}

// Find returns the object, nil if it is not there.
func (e *Env) Find(r Ref) *unstructured.Unstructured {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	o, err := resource.Get(ctx, r.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		e.t.Fatalf("get %s: %v", r, err)
	}
	return o
}

// List returns the objects of a kind in a namespace (in all, where it is
// empty) that a label selector chooses (all, where it is empty).
func (e *Env) List(kind, namespace, selector string) []unstructured.Unstructured {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	resource, err := e.client.resource(kind, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	list, err := resource.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		e.t.Fatalf("list %s in %q: %v", kind, namespace, err)
	}
	return list.Items
}

// Update changes the object by replacing it, and returns it as the server has
// it then. When somebody else writes at the same time, change runs again.
func (e *Env) Update(r Ref, change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	var updated *unstructured.Unstructured
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		o, err := resource.Get(ctx, r.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(o)
		updated, err = e.update(ctx, o)
		return err
	})
	if err != nil {
		e.t.Fatalf("update %s: %v", r, err)
	}
	return updated
}

// Patch changes the object by a JSON merge patch.
func (e *Env) Patch(r Ref, mergePatch string) {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	if _, err := e.patch(ctx, r, strings.ReplaceAll(mergePatch, "PREFIX", e.prefix)); err != nil {
		e.t.Fatalf("patch %s: %v", r, err)
	}
}

// PatchStatus is Patch for the status, where that is a subresource: it plays the
// controller of the kind.
func (e *Env) PatchStatus(r Ref, mergePatch string) {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err == nil {
		_, err = resource.Patch(ctx, r.Name, types.MergePatchType, []byte(mergePatch), metav1.PatchOptions{FieldManager: e.client.manager}, "status")
	}
	if err != nil {
		e.t.Fatalf("patch the status of %s: %v", r, err)
	}
}

// PatchIfThere is Patch for an object that may go at any moment: it returns the object
// as it is then, nil if it has gone.
func (e *Env) PatchIfThere(r Ref, mergePatch string) *unstructured.Unstructured {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	patched, err := e.patch(ctx, r, strings.ReplaceAll(mergePatch, "PREFIX", e.prefix))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		e.t.Fatalf("patch %s: %v", r, err)
	}
	return patched
}

func (e *Env) patch(ctx context.Context, r Ref, mergePatch string) (*unstructured.Unstructured, error) {
	for {
		patched, err := e.patchNow(ctx, r, mergePatch)
		if !unserved(err) || ctx.Err() != nil {
			return patched, err
		}
		<-time.After(pollServed)
	}
}

// patchNow is patch for an object whose type need not be served any more.
func (e *Env) patchNow(ctx context.Context, r Ref, mergePatch string) (*unstructured.Unstructured, error) {
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		return nil, err
	}
	return resource.Patch(ctx, r.Name, types.MergePatchType, []byte(mergePatch), metav1.PatchOptions{FieldManager: e.client.manager})
}

// pollServed is the time between two tries for a type that is about to be served.
const pollServed = 50 * time.Millisecond

// unserved reports whether the server doesn't serve a type whose definition says that it
// should: it takes a moment to begin again after it has stopped.
func unserved(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// Annotate sets annotations written key=value, and takes away those written
// key-, as "kubectl annotate --overwrite" does.
func (e *Env) Annotate(r Ref, changes ...string) {
	e.t.Helper()
	e.patchMetadata(r, "annotations", changes)
}

// Label sets labels written key=value, and takes away those written key-, as
// "kubectl label --overwrite" does.
func (e *Env) Label(r Ref, changes ...string) {
	e.t.Helper()
	e.patchMetadata(r, "labels", changes)
}

func (e *Env) patchMetadata(r Ref, field string, changes []string) {
	e.t.Helper()
	values := map[string]any{}
	for _, change := range changes {
		if key, value, ok := strings.Cut(change, "="); ok {
			values[key] = value
		} else {
			values[strings.TrimSuffix(change, "-")] = nil
		}
	}
	var patch bytes.Buffer
	if err := json.NewEncoder(&patch).Encode(map[string]any{"metadata": map[string]any{field: values}}); err != nil {
		e.t.Fatal(err)
	}
	e.Patch(r, patch.String())
}

// Delete asks for the object's deletion. It does not wait for it (WaitGone
// does), and an object that is not there is no error.
func (e *Env) Delete(r Ref) {
	e.t.Helper()
	ctx, cancel := e.context()
	defer cancel()
	if err := e.delete(ctx, r); err != nil && !apierrors.IsNotFound(err) {
		e.t.Fatalf("delete %s: %v", r, err)
	}
}

func (e *Env) delete(ctx context.Context, r Ref) error {
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		return err
	}
	return resource.Delete(ctx, r.Name, metav1.DeleteOptions{})
}
