package kit

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Create makes the object as it is given, by a POST. One that is there already fails
// the test.
func (e *Env) Create(o *unstructured.Unstructured) *unstructured.Unstructured {
	e.t.Helper()
	e.track(RefTo(o))
	ctx, cancel := e.context()
	defer cancel()
	created, err := e.create(ctx, o)
	if err != nil {
		e.t.Fatalf("create %s: %v", RefTo(o), err)
	}
	return created
}

// CreateIfMissing is Create that returns nil where there is an object of that name.
func (e *Env) CreateIfMissing(o *unstructured.Unstructured) *unstructured.Unstructured {
	e.t.Helper()
	e.track(RefTo(o))
	ctx, cancel := e.context()
	defer cancel()
	created, err := e.create(ctx, o)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		e.t.Fatalf("create %s: %v", RefTo(o), err)
	}
	return created
}

func (e *Env) create(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := RefTo(o)
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		return nil, err
	}
	return resource.Create(ctx, o, metav1.CreateOptions{FieldManager: e.client.manager})
}

func (e *Env) update(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := RefTo(o)
	resource, err := e.client.resource(r.Kind, r.Namespace)
	if err != nil {
		return nil, err
	}
	return resource.Update(ctx, o, metav1.UpdateOptions{FieldManager: e.client.manager})
}
