package mirror

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// read asks the server what is in a mirror that somebody may have written to, and
// takes note of it: once for each version.
func (c *Controller) read(ctx context.Context, t schema.GroupVersionResource, have *Record) error {
	u, err := c.getWhole(ctx, t, have)
	c.mu.Lock()
	defer c.mu.Unlock()
	table := c.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return errStale // forgotten meanwhile
	case objectNotFound(err):
		if table.lost(have) {
			c.counted(table, have, nil)
		}
		return nil
	case err != nil:
		return err
	}
	r := newRecord(t.GroupResource(), u)
	if r.Standing == Foreign {
		return errStale // the watch is about to tell
	}
	r.learn(hashContent(content(u.Object)), immutable(u.Object))
	table.set(r)
	return nil
}

func (c *Controller) getWhole(ctx context.Context, t schema.GroupVersionResource, have *Record) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.Objects.Get(ctx, t, have.Namespace, have.Name)
}

// theirs is what others put into a mirror that we are about to write: what is known of
// it, and the status where a write would take that away. That may be of any size, and
// so is read when it is needed.
func (c *Controller) theirs(ctx context.Context, t schema.GroupVersionResource, have *Record) (*foreign, error) {
	if !have.hasStatus {
		return have.foreign, nil
	}
	u, err := c.getWhole(ctx, t, have)
	if err != nil {
		return nil, err
	}
	if u.GetResourceVersion() != have.ResourceVersion {
		return nil, apierrors.NewConflict(t.GroupResource(), have.Name, fmt.Errorf("it has changed since it was seen"))
	}
	theirs := foreign{}
	if have.foreign != nil {
		theirs = *have.foreign
	}
	theirs.status = u.Object["status"]
	return &theirs, nil
}
