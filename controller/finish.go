package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// finish records how a look at a namespace ended that saw the source as src,
// and has the source's status written when it was the last look due, or says
// something else now.
func (w *mirrorWorker) finish(ctx context.Context, key mirror.MirrorKey, src *mirror.Source, problems []mirror.Problem) {
	unreported, name := w.recordResult(key, src, problems)
	logger := klog.FromContext(ctx).WithValues("source", key.Source, "namespace", key.Namespace)
	if name != "" {
		logger = logger.WithValues("mirror", name)
	}
	for _, p := range unreported {
		if mirror.IsContested(p) {
			logger.Info("A mirror is contested", "problem", p.Text)
		} else {
			logger.Info("A mirror that is to go is still there", "problem", p.Text)
		}
		if src != nil {
			p.Text = key.Namespace + ": " + p.Text
			if err := w.events.source(ctx, src, p); err != nil {
				logger.V(2).Info("Can't write an event", "reason", p.Reason)
			}
		}
	}
}

// recordResult is finish less what is logged. It returns what there is to tell and the source's
// status will not tell, since the source goes, is gone, or isn't one; and the name of
// the mirror, where it is fought over.
func (w *mirrorWorker) recordResult(key mirror.MirrorKey, src *mirror.Source, problems []mirror.Problem) (unreported []mirror.Problem, name string) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	st := w.cache.states[key.Source]
	if st == nil {
		return nil, ""
	}
	t := w.cache.tables.of[key.Source.Type]
	if t == nil || !mirror.SameSpec(src, t.sources[key.Source.NamespacedName()]) {
		w.cache.Mirrors.Add(key) // the source changed while we looked: nothing is settled
		return w.contestedUnreportedLocked(key, src, problems)
	}
	_, was := st.pending[key.Namespace]
	delete(st.pending, key.Namespace)
	delete(st.drifted, key.Namespace)
	if !slices.ContainsFunc(problems, func(p mirror.Problem) bool { return p.Reason == mirror.ReasonWriteRefused }) {
		delete(st.lacksRight, key.Namespace)
	}
	if len(st.held) > 0 {
		w.cache.Sources.Add(key.Source)
	}
	changed := !slices.Equal(st.problems[key.Namespace], problems)
	if len(problems) == 0 {
		delete(st.problems, key.Namespace)
	} else {
		st.problems[key.Namespace] = problems
	}
	// What is due on the source may have come of something that was none of its pending
	// looks, as the answer to a write that was under way when its spec changed.
	if len(st.pending) == 0 && (was || changed || w.cache.finalizersDueLocked(key.Source, t, st) != nil) {
		st.pending = map[string]time.Time{} // one that has been large stays so
		w.enqueueStatus(key, src)
	}
	if src != nil && !src.Deleting && src.Mode == mirror.On {
		return nil, ""
	}
	if changed {
		unreported = slices.DeleteFunc(slices.Clone(problems), mirror.IsContested)
	}
	// A fight that isn't new may yet be untold: the status that was to tell of it was
	// not written before the source was turned off.
	contested, name := w.contestedUnreportedLocked(key, src, problems)
	return append(unreported, contested...), name
}

// contestedUnreportedLocked are those of the problems that are about who fights over a mirror,
// if nobody has been told of it yet; and the mirror's name.
func (w *mirrorWorker) contestedUnreportedLocked(key mirror.MirrorKey, src *mirror.Source, problems []mirror.Problem) (unreported []mirror.Problem, name string) {
	o, once := w.cache.contested[key], w.cache.backoff.reportOnce
	if src == nil {
		once = w.cache.backoff.logOnce
	}
	return slices.DeleteFunc(slices.Clone(problems), func(p mirror.Problem) bool {
		return !mirror.IsContested(p) || !once(o)
	}), o.at.Name
}

// statusDelay is how long a status waits for more to happen: where namespaces come
// in numbers, the sources that go to all of them get their mirrors first, and each
// one status.
const statusDelay = 200 * time.Millisecond

// enqueueStatus has a source looked at after the last look that was due at its mirrors: at
// once where it waits to be rid of its finalizer, and otherwise for its status.
func (w *mirrorWorker) enqueueStatus(key mirror.MirrorKey, src *mirror.Source) {
	switch {
	case src == nil:
		w.cache.enqueueSourceLocked(key.Source, key.Namespace)
	case src.Deleting, src.Mode == mirror.Off:
		w.cache.Sources.Add(key.Source)
	default:
		w.cache.Sources.AddAfter(key.Source, statusDelay)
	}
}
