package controller

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// recreate deletes and creates, for content that the server takes in no other way;
// refusal is what it said to the attempt to replace it. What others had put there
// comes along, if only with the next try.
func (w *mirrorWorker) recreate(ctx context.Context, key mirror.MirrorKey, t schema.GroupVersionResource, d mirror.Draft, have *mirror.Record, theirs *mirror.Unmanaged, refusal error) (*mirror.Record, error) {
	if err := w.client.tryCreate(ctx, t, d); err != nil {
		if refusal == nil {
			_, refusal = w.client.replace(ctx, t, d, have, theirs)
		}
		if apierrors.IsForbidden(err) {
			refusal = err // a quota that is full, say: what is to be mended first
		}
		return nil, refusal
	}
	w.keep(key, have, theirs, true)
	if err := w.client.delete(ctx, t, have); err != nil && !objectNotFound(err) {
		w.keep(key, have, nil, false)
		return nil, err
	}
	return w.client.create(ctx, t, d, theirs)
}

// keep notes that we delete a mirror to make it anew, and what others have put into it;
// or that the server didn't let us.
func (w *mirrorWorker) keep(key mirror.MirrorKey, have *mirror.Record, theirs *mirror.Unmanaged, deleting bool) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables[key.Source.Type]
	if t == nil {
		return
	}
	t.markDeleteRequested(have, deleting)
	if delete(w.cache.kept, key); theirs != nil {
		w.cache.kept[key] = theirs
	}
}

// keptFor is what others had put into a mirror that was deleted to be made anew.
func (w *mirrorWorker) keptFor(key mirror.MirrorKey) *mirror.Unmanaged {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	return w.cache.kept[key]
}
