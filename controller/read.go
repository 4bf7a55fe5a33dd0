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
// we know, and records it: once for each version.
func (r *reader) read(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*unstructured.Unstructured, error) {
	u, err := r.client.getWhole(ctx, t, have)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	table := r.cache.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return nil, errStale // forgotten meanwhile
	case objectNotFound(err):
		r.cache.dropNotFoundLocked(table, have)
		return nil, nil
	case err != nil:
		return nil, err
	}
	record := mirror.NewRecord(t.GroupResource(), u)
	if record.Standing != mirror.Foreign {
		record.Learn(mirror.HashContent(mirror.Content(u.Object)), mirror.IsImmutable(u.Object))
	}
	if r.takeInLocked(table, record) == nil {
		return nil, nil
	}
	table.recognize(table.mirrors[record.Key()])
	return u, nil
}

// refresh is read by the mirror's metadata alone. It returns what is known of the mirror
// then, nil where there is none.
func (r *reader) refresh(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) (*mirror.Record, error) {
	live, err := r.client.get(ctx, t, have.Namespace, have.Name)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	table := r.cache.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return nil, errStale // forgotten meanwhile
	case objectNotFound(err):
		r.cache.dropNotFoundLocked(table, have)
		return nil, nil
	case err != nil:
		return nil, err
	}
	return r.takeInLocked(table, mirror.NewRecord(t.GroupResource(), live)), nil
}

// takeInLocked takes in what the server has answered of a mirror, and returns what is
// known of it then; nil where it is none.
func (r *reader) takeInLocked(t *table, read *mirror.Record) *mirror.Record {
	if read.Standing == mirror.Foreign {
		r.cache.mirrorGoneLocked(t, read.Key(), read.UID, read.ResourceVersion)
		return nil
	}
	before, news := t.set(read)
	t.confirm(read)
	known := t.mirrors[read.Key()]
	r.cache.countMirror(t, before, known)
	if news && before != nil && t.owner(before) != t.owner(read) {
		r.cache.enqueueOwnersLocked(t, read)
		r.cache.enqueueOwnersLocked(t, before)
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
func (r *reader) stale(ctx context.Context, key mirror.SourceKey, t schema.GroupVersionResource, have *mirror.Record) error {
	r.cache.Metrics.SyncError("mirror", "conflict")
	if have == nil {
		return errStale
	}
	r.cache.mu.Lock()
	table := r.cache.tables[key.Type]
	again := table != nil && table.refused(have)
	r.cache.mu.Unlock()
	if again {
		if _, err := r.read(ctx, t, have); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errStale
}
