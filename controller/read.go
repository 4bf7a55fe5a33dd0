package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// read asks the server what there is of a mirror that it may have in another form than
// we know, and records it: once for each version.
func (c *Controller) read(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*unstructured.Unstructured, error) {
	u, err := c.client.getWhole(ctx, t, have)
	c.mu.Lock()
	defer c.mu.Unlock()
	table := c.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return nil, errStale // forgotten meanwhile
	case objectNotFound(err):
		c.dropNotFoundLocked(table, have)
		return nil, nil
	case err != nil:
		return nil, err
	}
	r := mirror.NewRecord(t.GroupResource(), u)
	if r.Standing == mirror.Foreign {
		c.mirrorGoneLocked(table, r, r.ResourceVersion)
		return nil, nil
	}
	r.Learn(mirror.HashContent(mirror.Content(u.Object)), mirror.IsImmutable(u.Object))
	before, news := table.set(r)
	table.confirm(r)
	table.recognize(table.mirrors[r.Key()])
	c.countMirror(table, before, table.mirrors[r.Key()])
	if news && before != nil && table.owner(before) != table.owner(r) {
		c.enqueueOwnersLocked(table, r)
		c.enqueueOwnersLocked(table, before)
	}
	return u, nil
}

// dropNotFoundLocked takes away a mirror that the server says isn't there. Those who wait
// for its name are told: it may have gone while the watch was broken.
func (c *Controller) dropNotFoundLocked(t *table, have *mirror.Record) {
	if t.dropNotFound(have) {
		c.countMirror(t, have, nil)
		c.enqueueOwnersLocked(t, have)
	}
}

// stale is what becomes of a write that the server refused because a mirror isn't what
// we took it for. As a rule the watch is about to tell what it is; where it hasn't by the
// second time, the server is asked.
func (c *Controller) stale(ctx context.Context, key mirror.SourceKey, t schema.GroupVersionResource, have *mirror.Record) error {
	c.Metrics.SyncError("mirror", "conflict")
	if have == nil {
		return errStale
	}
	c.mu.Lock()
	table := c.tables[key.Type]
	again := table != nil && table.refused(have)
	c.mu.Unlock()
	if again {
		if _, err := c.read(ctx, t, have); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errStale
}
