package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// reader asks the server what there is, where the informers don't tell, and has the cache
// know it.
type reader struct {
	cache  *cache
	client client
}

// read asks the server what there is of a mirror that it may have in another form than
// we know, and records it: once for each version. It returns nil where it is none.
func (r *reader) read(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*unstructured.Unstructured, error) {
	u, err := r.client.getWhole(ctx, t, have.Namespace, have.Name)
	var found *mirror.Record
	if err == nil {
		found = mirror.NewRecord(t.GroupResource(), u)
		found.Learn(mirror.HashContent(mirror.Content(u.Object)), mirror.IsImmutable(u.Object))
	}
	known, err := r.takeIn(t, have, found, err)
	if known == nil {
		return nil, err
	}
	return u, nil
}

// refresh is read by the mirror's metadata alone. It returns what is known of the mirror
// then, nil where it is none.
func (r *reader) refresh(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*mirror.Record, error) {
	live, err := r.client.get(ctx, t, have.Namespace, have.Name)
	var found *mirror.Record
	if err == nil {
		found = mirror.NewRecord(t.GroupResource(), live)
	}
	return r.takeIn(t, have, found, err)
}

// takeIn takes in what the server has answered when it was asked for a mirror, and returns
// what is known of that then; nil where it is none.
func (r *reader) takeIn(kind schema.GroupVersionResource, have, found *mirror.Record, err error) (*mirror.Record, error) {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	t := r.cache.tables.of[kind.GroupResource()]
	switch {
	case t == nil || t.resource != kind:
		return nil, errStale // forgotten meanwhile
	case objectNotFound(err):
		r.cache.dropNotFoundLocked(t, have)
		return nil, nil
	case err != nil:
		return nil, err
	case found.Standing == mirror.Foreign:
		r.cache.mirrorGoneLocked(t, found.Key(), found.UID, found.ResourceVersion)
		return nil, nil
	}
	whole := found.State == mirror.ContentKnown
	before, news := t.set(found)
	t.confirm(found)
	known := t.mirrors[found.Key()]
	if whole {
		t.recognize(known)
	}
	r.cache.countMirror(t, before, known)
	if news && before != nil && r.cache.tables.owners.of(before) != r.cache.tables.owners.of(found) {
		r.cache.enqueueOwnersLocked(t, found)
		r.cache.enqueueOwnersLocked(t, before)
	}
	return known, nil
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
func (r *reader) stale(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) error {
	r.cache.Metrics.SyncError("mirror", "conflict")
	if have == nil {
		return errStale
	}
	r.cache.mu.Lock()
	table := r.cache.tables.of[t.GroupResource()]
	again := table != nil && table.refused(have)
	r.cache.mu.Unlock()
	if again {
		if _, err := r.read(ctx, t, have); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errStale
}
