package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// read asks the server what there is of a mirror that it may have in another form than
// we know, and records it: once for each version.
func (w *mirrorWorker) read(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*unstructured.Unstructured, error) {
	u, err := w.client.getWhole(ctx, t, have)
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	table := w.cache.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return nil, errStale // forgotten meanwhile
	case objectNotFound(err):
		w.cache.dropNotFoundLocked(table, have)
		return nil, nil
	case err != nil:
		return nil, err
	}
	r := mirror.NewRecord(t.GroupResource(), u)
	if r.Standing != mirror.Foreign {
		r.Learn(mirror.HashContent(mirror.Content(u.Object)), mirror.IsImmutable(u.Object))
	}
	if w.cache.takeReadLocked(table, r) == nil {
		return nil, nil
	}
	table.recognize(table.mirrors[r.Key()])
	return u, nil
}

// refresh is read by the mirror's metadata alone. It returns what is known of the mirror
// then, nil where there is none.
func (w *mirrorWorker) refresh(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*mirror.Record, error) {
	live, err := w.client.get(ctx, t, have.Namespace, have.Name)
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	table := w.cache.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return nil, errStale // forgotten meanwhile
	case objectNotFound(err):
		w.cache.dropNotFoundLocked(table, have)
		return nil, nil
	case err != nil:
		return nil, err
	}
	return w.cache.takeReadLocked(table, mirror.NewRecord(t.GroupResource(), live)), nil
}

// takeReadLocked takes in what the server has answered of a mirror, and returns what is
// known of it then; nil where it is none.
func (c *cache) takeReadLocked(t *table, r *mirror.Record) *mirror.Record {
	if r.Standing == mirror.Foreign {
		c.mirrorGoneLocked(t, r.Key(), r.UID, r.ResourceVersion)
		return nil
	}
	before, news := t.set(r)
	t.confirm(r)
	known := t.mirrors[r.Key()]
	c.countMirror(t, before, known)
	if news && before != nil && t.owner(before) != t.owner(r) {
		c.enqueueOwnersLocked(t, r)
		c.enqueueOwnersLocked(t, before)
	}
	return known
}

// dropNotFoundLocked takes away a mirror that the server says isn't there. Those who wait
// for its name are told: it may have gone while the watch was broken.
func (c *cache) dropNotFoundLocked(t *table, have *mirror.Record) {
	if t.dropNotFound(have) {
		c.countMirror(t, have, nil)
		c.enqueueOwnersLocked(t, have)
	}
}

// stale is what becomes of a write that the server refused because a mirror isn't what
// we took it for. As a rule the watch is about to tell what it is; where it hasn't by the
// second time, the server is asked.
func (w *mirrorWorker) stale(ctx context.Context, key mirror.SourceKey, t schema.GroupVersionResource, have *mirror.Record) error {
	w.cache.Metrics.SyncError("mirror", "conflict")
	if have == nil {
		return errStale
	}
	w.cache.mu.Lock()
	table := w.cache.tables[key.Type]
	again := table != nil && table.refused(have)
	w.cache.mu.Unlock()
	if again {
		if _, err := w.read(ctx, t, have); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errStale
}
