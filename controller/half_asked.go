package controller

import (
	"context"
	"slices"

	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// noteHalfAsked takes note of an object that has come to have the label of a source without
// the annotation. One that was there at the start is told of by the log alone: somebody was
// told when it came to be so, most likely, and a restart writes nothing (I3). It is no
// source, so nothing on it could remember.
func (s *state) noteHalfAsked(before, now *mirror.Source, atStart bool) {
	is := now.HalfAsked && !now.Deleting
	was := before != nil && before.HalfAsked && before.UID == now.UID
	s.halfAsked = is && !atStart && (!was || s.halfAsked)
}

// crowdOf is those objects of a namespace that are told of together: whoever labels one that
// makes others, which get the label too, makes no flood of events.
type crowdOf struct{ namespace, reason string }

// reportHalfAsked tells an object's author that it lacks the annotation.
func (w *sourceWorker) reportHalfAsked(ctx context.Context, key mirror.SourceKey, src *mirror.Source) {
	p := mirror.HalfAsked()
	logger := klog.FromContext(ctx)
	if !w.cache.takesEvents(src.Namespace) {
		return
	}
	if !w.events.limits.allow(crowdOf{src.Namespace, p.Reason}) {
		logger.V(2).Info("There have been too many events lately about objects like this one", "object", key, "problem", p.Text)
		return
	}
	logger.Info("An object is only half a source", "object", key, "problem", p.Text)
	if err := w.events.source(ctx, src, p); err != nil {
		logger.V(2).Info("Can't write an event", "object", key, "reason", p.Reason)
	}
}

// reportHalfAskedLocked says at the start which objects of a type have the label without the
// annotation.
func (c *cache) reportHalfAskedLocked(t *table) {
	var names []string
	for name, src := range t.sources {
		if st := c.states[t.sourceKey(name)]; src.HalfAsked && (st == nil || !st.halfAsked) {
			names = append(names, name.String())
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	klog.Background().Info("Objects are only half a source", "type", t.resource.GroupResource(), "count", len(names), "objects", mirror.Enumerate(names), "problem", mirror.HalfAsked().Text)
}
