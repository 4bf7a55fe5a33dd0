package controller

import (
	"slices"
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// How the controller holds back where others write too, and whom it tells (I9). The
// counting is driftBackoff's.

// backOffLocked has a write wait where somebody else is the reason for it too often, and counts
// it otherwise (I9). What the source has changed in a mirror that is there never waits.
func (w *mirrorWorker) backOffLocked(key mirror.MirrorKey, o object, intent mirror.Hash, action mirror.Action, drift bool) *mirror.Problem {
	if action == mirror.Replace && !drift && w.cache.backoff.isNew(o, intent) {
		return nil
	}
	if pause := w.cache.backoff.wait(o, intent); pause > 0 {
		w.cache.contested[key] = o
		w.cache.Mirrors.AddAfter(key, pause)
		p := w.cache.backoff.problem(o)
		return &p
	}
	if action != mirror.Read && (drift || w.cache.backoff.ongoing(o, intent)) {
		w.cache.backoff.wrote(o, intent)
		if fought, _ := w.cache.backoff.contested(o); fought {
			w.cache.contested[key] = o
		}
	}
	return nil
}

// aim is what a patch of a source is for.
type aim struct {
	intent mirror.Hash
	// change says that it replaces one status with the next.
	change bool
}

// aim is what the patch is for that writes these fields. What takes all of ours off a
// source that stays counts as a deletion does: somebody may turn it off and on for ever.
func (d pendingPatch) aim(src *mirror.Source, fields map[string]any) aim {
	if src.Mode == mirror.Off && !src.Deleting {
		return aim{intent: deletion}
	}
	return aim{mirror.HashContent(fields), d.finalizers == nil && src.SyncStatus != "" && d.status.Text != ""}
}

// pauseSource is how long a patch of a source is to wait.
func (w *sourceWorker) pauseSource(key mirror.SourceKey, aim aim) time.Duration {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	o := object{key.Type, key.NamespacedName()}
	if aim.change && w.cache.sourceBackoff.isNew(o, aim.intent) {
		return 0
	}
	return w.cache.sourceBackoff.wait(o, aim.intent)
}

// aimedLocked counts a patch of a source that has been answered.
func (c *cache) aimedLocked(key mirror.SourceKey, aim aim) {
	o := object{key.Type, key.NamespacedName()}
	if aim.change && c.sourceBackoff.isNew(o, aim.intent) {
		c.sourceBackoff.changed(o, aim.intent)
		return
	}
	c.sourceBackoff.wrote(o, aim.intent)
}

// unreportedLocked are those of a source's problems that nobody has been told of. Of a mirror that
// is fought over it is told once, however often the source is none in between.
func (w *sourceWorker) unreportedLocked(key mirror.SourceKey, problems []mirror.Problem) []mirror.Problem {
	st := w.cache.stateLocked(key)
	fresh, tells := false, slices.ContainsFunc(problems, mirror.IsContested)
	for k, o := range w.cache.contested {
		if tells && k.Source == key && slices.ContainsFunc(st.problems[k.Namespace], mirror.IsContested) {
			fresh = w.cache.backoff.reportOnce(o) || fresh
		}
	}
	return slices.DeleteFunc(slices.Clone(problems), func(p mirror.Problem) bool {
		return mirror.IsContested(p) && !fresh || !mirror.IsContested(p) && slices.Contains(st.reported, p)
	})
}

// contestedProblem keeps a mirror that is fought over among the problems until it has been
// left alone for a while; otherwise its status would change with every blow.
func (w *mirrorWorker) contestedProblem(key mirror.MirrorKey) *mirror.Problem {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	o, was := w.cache.contested[key]
	if !was {
		return nil
	}
	fought, until := w.cache.backoff.contested(o)
	if !fought {
		delete(w.cache.contested, key)
		return nil
	}
	w.cache.Mirrors.AddAfter(key, until)
	p := w.cache.backoff.problem(o)
	return &p
}
