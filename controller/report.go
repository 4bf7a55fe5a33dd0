package controller

import (
	"context"
	"fmt"

	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// reportStatus tells a source's author what a new status says that the last one didn't: an
// event for each problem, and a log line for the person on call. It is called when
// a status was written because it changed; after a restart the status is what it
// was, and nothing is told again.
func (w *sourceWorker) reportStatus(ctx context.Context, key mirror.SourceKey, src *mirror.Source, text string, unreported []mirror.Problem) {
	logger := klog.FromContext(ctx)
	if len(unreported) == 0 {
		logger.V(2).Info("Source has a new status", "source", key, "status", text)
		return
	}
	logger.Info("Source has a problem", "source", key, "status", text)
	for _, p := range unreported {
		if err := w.events.source(ctx, src, p); err != nil {
			logger.V(2).Info("Can't write an event; the status says the same", "source", key, "reason", p.Reason)
			return
		}
	}
}

// reportDeleted tells of a mirror that was deleted. Where its source's author didn't ask
// for that, it is told where somebody will look: on the source, or on the mirror
// itself where that is all there is.
func (w *mirrorWorker) reportDeleted(ctx context.Context, key mirror.MirrorKey, s snapshot, r *mirror.Record) {
	_, kind, _ := servedAs(w.cache, r.Resource())
	logger := klog.FromContext(ctx).WithValues("mirror", klog.KObj(r.GetObjectMeta()), "type", mirror.TypeName(kind), "source", key.Source)
	if r.StaysBehind(s.source, s.refused) {
		logger.V(2).Info("Left a mirror behind, as its source asked for")
		return
	}
	if s.cause == "" {
		logger.V(2).Info("Deleted a mirror")
		return
	}
	logger.Info("Deleted a mirror that its source did not give up", "cause", s.cause)
	p := mirror.Problem{Reason: mirror.ReasonDeleted, Text: fmt.Sprintf("deleted the mirror %q: %s", r.Name, s.cause)}
	if s.source != nil {
		w.cache.mu.Lock()
		defer w.cache.mu.Unlock()
		st := w.cache.stateLocked(key.Source)
		if st.deletions == nil {
			st.deletions = map[string][]mirror.Problem{}
		}
		st.deletions[key.Namespace] = append(st.deletions[key.Namespace], p)
		w.cache.Sources.AddAfter(key.Source, statusDelay)
		return
	}
	if !w.cache.takesEvents(r.Namespace) {
		return
	}
	apiVersion, name := kind.ToAPIVersionAndKind()
	if err := w.events.about(ctx, subject{apiVersion, name, r.Identity}, p); err != nil {
		logger.V(2).Info("Can't write an event", "reason", p.Reason)
	}
}

// takesEvents reports whether a namespace is there and stays: the server lets nothing
// be made in one that goes.
func (c *cache) takesEvents(namespace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ns := c.namespaces[namespace]
	return ns != nil && !ns.Terminating
}

// reportDeletions tells a source's author of mirrors that were deleted for another reason
// than the source's, those of one look together.
func (w *sourceWorker) reportDeletions(ctx context.Context, key mirror.SourceKey, v sourceSnapshot) {
	for _, p := range v.removed {
		if err := w.events.source(ctx, v.source, p); err != nil {
			klog.FromContext(ctx).V(2).Info("Can't write an event", "source", key, "reason", p.Reason)
		}
	}
}
