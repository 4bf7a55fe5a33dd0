package controller

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// deleteStale deletes a mirror that is to be there no more, and settles the look, which
// has had these problems otherwise. There is more than one only where a name has changed,
// or somebody made them: the others come in turn, on the account of the namespace where
// they lie.
func (w *mirrorWorker) deleteStale(ctx context.Context, key mirror.MirrorKey, s snapshot, records []*mirror.Record, problems []mirror.Problem) error {
	problems = slices.Clone(problems)
	for i, r := range records {
		if mirror.Plan(nil, r, nil, false) != mirror.Delete {
			continue
		}
		o := objectOf(r)
		if may, held := w.mayDelete(key, o, r); held {
			return nil // looked at again when the finalizer has gone
		} else if !may {
			continue
		}
		err := w.delete(ctx, key, s, r)
		if err == nil || objectNotFound(err) {
			w.reportDeleted(ctx, key, s, r)
			if len(records) > i+1 {
				w.cache.Mirrors.AddCharged(key, key.Namespace)
			}
			break
		}
		problem, again := w.classifyError(ctx, key, "delete", err)
		if problem != nil {
			w.finish(ctx, key, s.source, append(problems, *problem))
		}
		if again != nil {
			return again
		}
	}
	if fought := w.contestedProblem(key); fought != nil && s.intent == mirror.IntentAbsent {
		problems = append(problems, *fought)
	}
	w.finish(ctx, key, s.source, problems)
	return nil
}

// mostReads is how often a mirror that is to go is read anew, in a row, because it has
// changed since it was seen. Whoever changes it all the time would otherwise keep it, and
// with it its source, by the queue's backoff.
const mostReads = 5

// delete deletes a mirror in the form that it has by now, if it is still a mirror of this
// source then.
func (w *mirrorWorker) delete(ctx context.Context, key mirror.MirrorKey, s snapshot, r *mirror.Record) error {
	for read := 0; ; read++ {
		resource, _, ok := servedAs(w.cache, r.Resource())
		if !ok {
			return errStale // forgotten meanwhile
		}
		err := w.client.remove(ctx, resource, r, r.StaysBehind(s.source, s.refused))
		w.deleted(key, r, err)
		if !apierrors.IsConflict(err) || read == mostReads {
			return err
		}
		now, readErr := w.reader.refresh(ctx, resource, r)
		if readErr != nil {
			return readErr
		}
		if !w.mayDeleteNow(key, s, now, r) {
			return err
		}
		r = now
	}
}

// mayDeleteNow reports whether a mirror that has changed since it was seen is the same one
// still, and of the same source, which wants what it wanted then; and notes that it is
// about to be deleted.
func (w *mirrorWorker) mayDeleteNow(key mirror.MirrorKey, s snapshot, now, before *mirror.Record) bool {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables.of[key.Source.Type]
	if t == nil || now == nil || now.UID != before.UID || now.Terminating || !now.Standing.IsMirror() || w.cache.tables.owners.recorded(now) != key.Source {
		return false
	}
	if !mirror.SameSpec(s.source, t.sources[key.Source.NamespacedName()]) || w.intentNowLocked(key, t) != s.intent {
		return false
	}
	w.cache.tables.markDeleteRequested(now, true)
	return true
}

// mayDelete reports whether a mirror may be deleted now, and notes that it is about
// to be. Where somebody makes it again and again, the key comes back later (I9); it
// is held while the source is to lose its finalizer first.
func (w *mirrorWorker) mayDelete(key mirror.MirrorKey, o object, r *mirror.Record) (may, held bool) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables.of[key.Source.Type]
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
	w.cache.tables.markDeleteRequested(r, true)
	return true, false
}

// deleted records how the server answered to the deletion of a mirror.
func (w *mirrorWorker) deleted(key mirror.MirrorKey, r *mirror.Record, err error) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	o, t := objectOf(r), w.cache.tables.of[r.Resource()]
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
