package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// releaseGrace is how long a source that is being deleted, from a namespace where
// none are honoured, may keep our finalizer: another process may honour it, and have
// mirrors to delete first. Nobody may be left to take the finalizer off either, as
// after --source-namespaces was narrowed; then the source, and its namespace, could
// never go.
const releaseGrace = 30 * time.Second

// seenOutsideLocked takes in a source from a namespace where none are honoured.
func (c *cache) seenOutsideLocked(t *table, key mirror.SourceKey, src *mirror.Source) {
	if !src.HasFinalizer() {
		delete(t.outside, src.Key())
		return
	}
	t.outside[src.Key()] = true
	if src.Deleting {
		c.Sources.AddAfter(key, releaseGrace)
	}
}

// reportOutsideLocked says at the start which sources have our finalizer though they are not
// honoured.
func (c *cache) reportOutsideLocked(t *table) {
	if len(t.outside) == 0 {
		return
	}
	names := make([]string, 0, len(t.outside))
	for name := range t.outside {
		names = append(names, name.String())
	}
	slices.Sort(names)
	klog.Background().Info("Sources outside --source-namespaces have a finalizer of KubeMirror. Unless another process honours them, nothing follows them any more; "+
		"\"kubemirror cleanup --source-namespaces\" takes finalizer and status off", "type", t.resource.GroupResource(), "count", len(names), "sources", mirror.Enumerate(names))
}

// releaseOutside takes our finalizer off a source that is being deleted, from a
// namespace where none are honoured, when it has had the time for somebody else to
// do it.
func (w *sourceWorker) releaseOutside(ctx context.Context, key mirror.SourceKey) error {
	w.cache.mu.Lock()
	t := w.cache.tables.of[key.Type]
	outside := t != nil && t.outside[key.NamespacedName()]
	w.cache.mu.Unlock()
	if !outside {
		return nil
	}
	live, err := w.client.get(ctx, t.resource, key.Namespace, key.Name)
	switch {
	case objectNotFound(err):
		return nil
	case err != nil:
		w.cache.Metrics.SyncError("source", "get")
		return errAgain
	case live.DeletionTimestamp == nil || !slices.Contains(live.Finalizers, api.Finalizer):
		return nil
	}
	if rest := releaseGrace - time.Since(live.DeletionTimestamp.Time); rest > 0 {
		w.cache.Sources.AddAfter(key, rest)
		return nil
	}
	if err := w.release(ctx, t.resource, live); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Took the finalizer off a source outside --source-namespaces that is being deleted; its mirrors, if any, are left alone", "source", key)
	return nil
}
