package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// read asks the server what is in a mirror that somebody may have written to, and
// records it: once for each version.
func (c *Controller) read(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) error {
	u, err := c.getWhole(ctx, t, have)
	c.mu.Lock()
	defer c.mu.Unlock()
	table := c.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return errStale // forgotten meanwhile
	case objectNotFound(err):
		if table.dropNotFound(have) {
			c.countMirror(table, have, nil)
		}
		return nil
	case err != nil:
		return err
	}
	r := mirror.NewRecord(t.GroupResource(), u)
	if r.Standing == mirror.Foreign {
		return errStale // the watch is about to tell
	}
	r.Learn(mirror.HashContent(mirror.Content(u.Object)), mirror.IsImmutable(u.Object))
	table.set(r)
	return nil
}

func (c *Controller) getWhole(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.Objects.Get(ctx, t, have.Namespace, have.Name)
}

// theirs is what others put into a mirror that we are about to write: what is known of
// it, and the status where a write would take that away. That may be of any size, and
// so is read when it is needed.
func (c *Controller) theirs(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*mirror.Unmanaged, error) {
	if !have.HasStatus {
		return have.Unmanaged, nil
	}
	u, err := c.getWhole(ctx, t, have)
	if err != nil {
		return nil, err
	}
	if u.GetResourceVersion() != have.ResourceVersion {
		return nil, apierrors.NewConflict(t.GroupResource(), have.Name, fmt.Errorf("it has changed since it was seen"))
	}
	theirs := mirror.Unmanaged{}
	if have.Unmanaged != nil {
		theirs = *have.Unmanaged
	}
	theirs.Status = u.Object["status"]
	return &theirs, nil
}
