package controller

import (
	"context"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// requestTimeout bounds one request, so that a server that doesn't answer holds up
// a worker for no longer.
const requestTimeout = 30 * time.Second

// create makes a mirror where there is none: one request (I4). Theirs is what others
// had put into one that was deleted for it.
func (c *Controller) create(ctx context.Context, t schema.GroupVersionResource, d mirror.Draft, theirs *mirror.Unmanaged, dryRun ...string) (*mirror.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := d.Encode(nil, theirs, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := c.Objects.Create(ctx, t, d.Namespace, body, metav1.CreateOptions{FieldManager: api.FieldManager, FieldValidation: d.Source.FieldValidation(), DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	if len(dryRun) == 0 {
		c.Metrics.Wrote("create")
	}
	return d.Observed(answer), nil
}

// replace puts a mirror in the place of what it was: one request (I4), which also
// takes away fields that the source has not.
func (c *Controller) replace(ctx context.Context, t schema.GroupVersionResource, d mirror.Draft, have *mirror.Record, theirs *mirror.Unmanaged) (*mirror.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := d.Encode(have, theirs, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := c.Objects.Update(ctx, t, d.Namespace, d.Name, body, metav1.UpdateOptions{FieldManager: api.FieldManager, FieldValidation: d.Source.FieldValidation()})
	if err != nil {
		return nil, err
	}
	c.Metrics.Wrote("replace")
	return d.Observed(answer), nil
}

// delete deletes just this object in just this form: the server refuses it if it
// was made anew or changed since it was seen (I1). What hangs on it goes with it.
func (c *Controller) delete(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	background := metav1.DeletePropagationBackground // a Job's would stay, by default
	err := c.Metadata.Resource(t).Namespace(have.Namespace).Delete(ctx, have.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion},
		PropagationPolicy: &background,
	})
	if err == nil {
		c.Metrics.Wrote("delete")
	}
	return err
}

// patchSource changes metadata of a source, and only if it is still the same
// object; with a resource version, only if it is still in that form. It returns
// the new resource version.
func (c *Controller) patchSource(ctx context.Context, t schema.GroupVersionResource, source mirror.Identity, fields map[string]any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	fields["uid"] = source.UID
	body, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		return "", err
	}
	m, err := c.Metadata.Resource(t).Namespace(source.Namespace).Patch(ctx, source.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: api.FieldManager})
	if err != nil {
		return "", err
	}
	c.Metrics.Wrote("patch")
	return m.ResourceVersion, nil
}
