package mirror

import (
	"context"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
)

// lagging is how long to wait for news that the server has and we have not.
const lagging = time.Second

// SyncSource has the namespaces of a source looked at where that is due, and sees
// to its finalizer and status. It is the source queue's worker; an error has the
// key tried again with backoff.
func (c *Controller) SyncSource(ctx context.Context, key SourceKey) error {
	start := time.Now()
	err := c.syncSource(ctx, key)
	c.Metrics.Reconciled("source", result(err), time.Since(start))
	return err
}

func (c *Controller) syncSource(ctx context.Context, key SourceKey) error {
	if !c.Settings.sourceAllowed(key.Namespace) {
		return nil
	}
	c.mu.Lock()
	t := c.tables[key.Type]
	if t == nil || !t.ready {
		c.mu.Unlock()
		return nil // Ready has it looked at again
	}
	src, st := t.sources[key.name()], c.state(key)
	if src == nil {
		c.mu.Unlock()
		return c.syncAbsent(ctx, key, t.resource)
	}
	c.fanOut(key, t, src, st)
	due := c.due(key, t, src, st)
	c.mu.Unlock()
	return c.write(ctx, key, t.resource, src, due)
}

// fanOut has all namespaces looked at in which the source wants a mirror or has
// one. The lock is held.
func (c *Controller) fanOut(key SourceKey, t *table, src *Source, st *state) {
	if !st.again {
		return
	}
	st.again = false
	has := t.bySource[key.name()]
	look := map[string]bool{}
	if src.Mode == On && !src.Deleting {
		for _, namespace := range st.targets(src.limit(&c.Settings), has) {
			look[namespace] = true
		}
	}
	for namespace := range has {
		look[namespace] = true
	}
	maps.DeleteFunc(st.problems, func(namespace string, _ []Problem) bool { return !look[namespace] })
	for _, namespace := range slices.Sorted(maps.Keys(look)) {
		c.enqueue(key, st, namespace)
	}
}

// due is what is to be written on a source.
type due struct {
	// finalizers is the list as it should be, nil where it is right already.
	finalizers []string
	// status is nil where it is right already or not yet known.
	status *status
}

// due works out what a source lacks. The lock is held.
func (c *Controller) due(key SourceKey, t *table, src *Source, st *state) due {
	var d due
	if older(src.ResourceVersion, st.wrote) || st.released == src.UID {
		return d // our own last write is still on its way back
	}
	limit := src.limit(&c.Settings)
	has := slices.ContainsFunc(slices.Collect(maps.Values(t.bySource[key.name()])), func(records []*Record) bool {
		return slices.ContainsFunc(records, func(r *Record) bool { return !r.Terminating })
	})
	d.finalizers = finalizers(src, min(limit, len(st.asked)) > 0, has || st.creating > 0)
	if len(st.pending) > 0 && src.Mode == On || src.Deleting {
		return d
	}
	status := statusOf(src, st, limit)
	if status.failed == "" {
		st.since = time.Time{}
	}
	if status.text != src.SyncStatus || status.failed != src.FailedTargets {
		d.status = &status
	}
	return d
}

// finalizers is the list of a source's finalizers as it should be, or nil where it
// is so already. Ours is there while there are mirrors to go before the source; a
// source without any doesn't need it, and none is left on one that stops being a
// source.
func finalizers(src *Source, wants, has bool) []string {
	switch on := src.hasFinalizer(); {
	case !on && !src.Deleting && src.Mode == On && wants:
		return append(slices.Clone(src.Finalizers), finalizer)
	case on && !has && (src.Deleting || src.Mode == Off || src.Mode == Refused || src.Mode == On && !wants):
		rest := slices.DeleteFunc(slices.Clone(src.Finalizers), func(f string) bool { return f == finalizer })
		return append([]string{}, rest...)
	}
	return nil
}

// write writes what is due on a source, in one patch.
func (c *Controller) write(ctx context.Context, key SourceKey, resource schema.GroupVersionResource, src *Source, d due) error {
	fields := map[string]any{}
	if d.finalizers != nil {
		fields["finalizers"] = d.finalizers
	}
	if d.status != nil {
		fields["annotations"] = map[string]any{annotationSyncStatus: orNull(d.status.text), annotationFailedTargets: orNull(d.status.failed)}
	}
	if len(fields) == 0 {
		return nil
	}
	intent := hashContent(fields)
	if pause := c.pauseSource(key, intent); pause > 0 {
		c.Sources.AddAfter(key, pause)
		return nil
	}
	if d.finalizers != nil {
		// A list is replaced as a whole: what others put there since must not be lost.
		fields["resourceVersion"] = src.ResourceVersion
	}
	version, err := c.patchSource(ctx, resource, src.identity, fields)
	switch {
	case err == nil:
	case apierrors.IsNotFound(err):
		return nil // gone; its informer tells
	case apierrors.IsConflict(err):
		return errStale
	default:
		p := writeProblem("patch of the source", err)
		c.Metrics.SyncError("source", p.Reason)
		klog.FromContext(ctx).Info("Can't write on a source", "source", key, "problem", p.Text)
		return errAgain
	}
	if untold := c.patched(key, src, version, intent, d.status); d.status != nil {
		c.tell(ctx, key, src, d.status.text, untold)
	}
	return nil
}

func (c *Controller) pauseSource(key SourceKey, intent Hash) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fights.wait(object{key.Type, key.name()}, intent)
}

// patched takes note of a patch of a source, and says which problems of its status
// have not been told yet.
func (c *Controller) patched(key SourceKey, src *Source, version string, intent Hash, s *status) (untold []Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.state(key)
	st.wrote = version
	if src.Deleting {
		st.released = src.UID
	}
	c.fights.wrote(object{key.Type, key.name()}, intent)
	if s == nil {
		return nil
	}
	untold = slices.DeleteFunc(slices.Clone(s.problems), func(p Problem) bool { return slices.Contains(st.told, p) })
	st.told = s.problems
	return untold
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// syncAbsent finds out why a source is not to be seen, and has its mirrors go if
// it is one no more.
func (c *Controller) syncAbsent(ctx context.Context, key SourceKey, resource schema.GroupVersionResource) error {
	c.mu.Lock()
	t, st := c.tables[key.Type], c.state(key)
	orphans := slices.Collect(maps.Keys(t.bySource[key.name()]))
	if len(orphans) == 0 && !st.unlabelled {
		delete(c.states, key)
		c.mu.Unlock()
		return nil
	}
	known := st.absent
	c.mu.Unlock()
	if !known {
		gone, err := c.confirmAbsent(ctx, key, resource)
		if err != nil || !gone {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.sources[key.name()] != nil {
		return nil // it is back
	}
	st.absent, st.unlabelled = true, false
	for _, namespace := range orphans {
		c.enqueue(key, st, namespace)
	}
	if len(orphans) == 0 {
		delete(c.states, key)
	}
	return nil
}

// confirmAbsent asks the server whether a source is really gone (I5). One that is
// there, but has lost the label that selects it, is rid of what we wrote on it;
// that comes before its mirrors go, because after a crash in between they lead
// here again, and nothing else would.
func (c *Controller) confirmAbsent(ctx context.Context, key SourceKey, resource schema.GroupVersionResource) (bool, error) {
	live, err := c.Metadata.Resource(resource).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	switch {
	case objectNotFound(err):
		return true, nil
	case err != nil:
		c.Metrics.SyncError("source", "get")
		return false, errAgain
	case live.Labels[labelEnabled] == "true":
		c.Sources.AddAfter(key, lagging)
		return false, nil
	}
	return true, c.release(ctx, resource, live)
}

// objectNotFound tells an object that isn't there from a type that isn't served:
// the answer to the latter names no object, or isn't one of the API at all.
func objectNotFound(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// release takes our finalizer and status off an object that is no source any more.
func (c *Controller) release(ctx context.Context, resource schema.GroupVersionResource, live *metav1.PartialObjectMetadata) error {
	fields := map[string]any{}
	if rest := slices.DeleteFunc(slices.Clone(live.Finalizers), func(f string) bool { return f == finalizer }); len(rest) != len(live.Finalizers) {
		fields["finalizers"] = append([]string{}, rest...)
		fields["resourceVersion"] = live.ResourceVersion
	}
	if live.Annotations[annotationSyncStatus] != "" || live.Annotations[annotationFailedTargets] != "" {
		fields["annotations"] = map[string]any{annotationSyncStatus: nil, annotationFailedTargets: nil}
	}
	if len(fields) == 0 {
		return nil
	}
	_, err := c.patchSource(ctx, resource, identity{Namespace: live.Namespace, Name: live.Name, UID: live.UID}, fields)
	if err != nil && !apierrors.IsNotFound(err) {
		c.Metrics.SyncError("source", "patch")
		return errAgain
	}
	return nil
}

// settle takes note of how a look at a namespace ended, and has the source's
// status written when it was the last one due, or says something else now.
func (c *Controller) settle(key MirrorKey, problems []Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.states[key.Source]
	if st == nil {
		return
	}
	_, was := st.pending[key.Namespace]
	delete(st.pending, key.Namespace)
	changed := !slices.Equal(st.problems[key.Namespace], problems)
	if len(problems) == 0 {
		delete(st.problems, key.Namespace)
	} else {
		st.problems[key.Namespace] = problems
	}
	if len(st.pending) == 0 && (was || changed) {
		c.Sources.Add(key.Source)
	}
}
