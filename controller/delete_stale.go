package controller

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// deleteStale deletes mirrors that are to be there no more, and settles the look, which
// has had these problems otherwise.
func (w *mirrorWorker) deleteStale(ctx context.Context, key mirror.MirrorKey, s snapshot, records []*mirror.Record, problems []mirror.Problem) error {
	problems = slices.Clone(problems)
	for _, r := range records {
		if mirror.Plan(nil, r, nil, false) != mirror.Delete {
			continue
		}
		o := object{key.Source.Type, r.Key()}
		if may, held := w.mayDelete(key, o, r); held {
			return nil // looked at again when the finalizer has gone
		} else if !may {
			continue
		}
		err := w.client.delete(ctx, s.resource, r)
		w.deleted(key, r, err)
		if err == nil || objectNotFound(err) {
			w.reportDeleted(ctx, key, s, r)
			continue
		}
		if apierrors.IsConflict(err) {
			return w.stale(ctx, key.Source, s.resource, r)
		}
		problem, again := w.classifyError(ctx, key, "delete", err)
		if problem != nil {
			w.finish(ctx, key, s.source, append(problems, *problem))
		}
		if again != nil {
			return again
		}
	}
	if fought := w.contestedProblem(key); fought != nil && s.intent == absent {
		problems = append(problems, *fought)
	}
	w.finish(ctx, key, s.source, problems)
	return nil
}

// mayDelete reports whether a mirror may be deleted now, and notes that it is about
// to be. Where somebody makes it again and again, the key comes back later (I9); it
// is held while the source is to lose its finalizer first.
func (w *mirrorWorker) mayDelete(key mirror.MirrorKey, o object, r *mirror.Record) (may, held bool) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables[key.Source.Type]
	if t == nil {
		return false, false // forgotten meanwhile
	}
	if pause := w.cache.backoff.wait(o, deletion); pause > 0 {
		w.cache.contested[key] = o
		w.cache.Mirrors.AddAfter(key, pause)
		return false, false
	}
	if stays(r) && w.cache.holdLocked(key, t) {
		return false, true
	}
	t.markDeleteRequested(r, true)
	return true, false
}

// deleted records how the server answered to the deletion of a mirror.
func (w *mirrorWorker) deleted(key mirror.MirrorKey, r *mirror.Record, err error) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	o := object{key.Source.Type, r.Key()}
	t := w.cache.tables[key.Source.Type]
	switch {
	case t == nil:
	case err == nil:
		w.cache.backoff.wrote(o, deletion)
		if fought, _ := w.cache.backoff.contested(o); fought {
			w.cache.contested[key] = o
		}
		t.markTerminating(r)
	case objectNotFound(err):
		w.cache.dropNotFoundLocked(t, r)
	default:
		t.markDeleteRequested(r, false)
	}
}
