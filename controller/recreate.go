package controller

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// recreate deletes and creates, for content that the server takes in no other way;
// refusal is what it said to the attempt to replace it. What others had put there
// comes along, if only with the next try.
func (w *mirrorWorker) recreate(ctx context.Context, key mirror.MirrorKey, t schema.GroupVersionResource, d mirror.Draft, have *mirror.Record, theirs *mirror.Unmanaged, refusal error) (*mirror.Record, error) {
	// What can't be put back isn't taken away.
	if problem, err := w.authors.refusal(ctx, key, d.Source, t); err != nil {
		return nil, err
	} else if problem != nil {
		return nil, refused{*problem}
	}
	if err := w.client.tryCreate(ctx, t, d); err != nil {
		if refusal == nil {
			_, refusal = w.client.replace(ctx, t, d, have, theirs)
		}
		if apierrors.IsForbidden(err) {
			refusal = err // a quota that is full, say: what is to be mended first
		}
		return nil, refusal
	}
	if !w.keep(key, have, theirs) {
		return nil, errKeepsTooMuch
	}
	if err := w.client.delete(ctx, t, have); err != nil && !objectNotFound(err) {
		w.deletionRefused(key, have)
		return nil, err
	}
	return w.client.create(ctx, t, d, theirs)
}

// errKeepsTooMuch has a mirror be made anew later: nothing that others put there is lost.
var errKeepsTooMuch = errors.New("it can only be made anew, and too much that others put into such mirrors waits for that already; it is tried again. See what holds their deletion up")

// maxKept bounds what is kept of what others had put into mirrors that are being made anew,
// in bytes. They may hold the deletion up as long as they like.
const maxKept = 8 << 20

// keptMetadata is what others had put into mirrors that we deleted to make them anew. The
// cache's lock guards it.
type keptMetadata struct {
	of   map[mirror.MirrorKey]*mirror.Unmanaged
	size int
}

// put keeps what was in a mirror, if there is room.
func (k *keptMetadata) put(key mirror.MirrorKey, theirs *mirror.Unmanaged) bool {
	k.drop(key)
	size := theirs.Size()
	if k.size+size > maxKept && size > 0 {
		return false
	}
	if theirs != nil {
		k.of[key] = theirs
		k.size += size
	}
	return true
}

func (k *keptMetadata) drop(key mirror.MirrorKey) {
	k.size -= k.of[key].Size()
	delete(k.of, key)
}

// forget drops all of a type.
func (k *keptMetadata) forget(kind schema.GroupResource) {
	for key := range k.of {
		if key.Source.Type == kind {
			k.drop(key)
		}
	}
}

// keep notes that we delete a mirror to make it anew, and what others have put into it. It
// reports whether there was room for that.
func (w *mirrorWorker) keep(key mirror.MirrorKey, have *mirror.Record, theirs *mirror.Unmanaged) bool {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	if !w.cache.kept.put(key, theirs) {
		return false
	}
	w.cache.tables.markDeleteRequested(have, true)
	return true
}

// deletionRefused notes that the server didn't let us delete the mirror.
func (w *mirrorWorker) deletionRefused(key mirror.MirrorKey, have *mirror.Record) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	w.cache.kept.drop(key)
	w.cache.tables.markDeleteRequested(have, false)
}

// keptFor is what others had put into a mirror that was deleted to be made anew.
func (w *mirrorWorker) keptFor(key mirror.MirrorKey) *mirror.Unmanaged {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	return w.cache.kept.of[key]
}
