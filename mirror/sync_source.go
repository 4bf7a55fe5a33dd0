package mirror

import (
	"context"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
)

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
		return c.releaseOutside(ctx, key)
	}
	v := c.view(key)
	c.tellRemoved(ctx, key, v)
	switch {
	case v.source != nil:
		return c.write(ctx, key, v.resource, v.source, v.due)
	case v.missing:
		return c.syncAbsent(ctx, key, v.resource)
	}
	return nil
}

// view is what is known when a source is looked at.
type view struct {
	resource schema.GroupVersionResource
	// source is nil where there is none to be seen; missing then says that its
	// mirrors, or what we wrote on it, are to be seen to.
	source  *Source
	missing bool
	due     due
	// removed are mirrors that were deleted, to be told of: one for each reason.
	removed []Problem
}

func (c *Controller) view(key SourceKey) view {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Type]
	if t == nil || !t.ready {
		return view{} // Ready has it looked at again
	}
	src, st := t.sources[key.name()], c.state(key)
	if src == nil {
		return view{resource: t.resource, missing: c.missing(key, t, st)}
	}
	c.fanOut(key, t, src, st)
	v := view{resource: t.resource, source: src, due: c.due(key, t, src, st)}
	if len(st.pending) == 0 && st.removed != nil {
		v.removed, st.removed = byReason(grouped(st.removed)), nil
	}
	return v
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
		for _, name := range src.Targets.names() {
			if ns := c.namespaces[name]; ns != nil && ns.consent(src.Namespace) == unclear {
				look[name] = true // its author is told
			}
		}
	}
	for namespace := range has {
		look[namespace] = true
	}
	// What was said of other namespaces, or is about to be, is taken back by a look.
	for namespace := range st.problems {
		look[namespace] = true
	}
	for namespace := range st.pending {
		look[namespace] = true
	}
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
	has := anyStays(t.bySource[key.name()])
	d.finalizers = finalizers(src, has, st.writing > 0 || !src.Deleting && len(st.pending)+len(st.drifting) > 0)
	if len(st.pending) > 0 && src.Mode == On || src.Deleting || d.finalizers != nil && has {
		return d // what comes back of a new finalizer leads here again
	}
	status := statusOf(src, &st.selection, st.problems, limit)
	if status.failed == "" {
		st.since = time.Time{}
	}
	if status.text != src.SyncStatus || status.failed != src.FailedTargets {
		d.status = &status
	}
	return d
}

// anyStays says whether there is a mirror that isn't on its way out.
func anyStays(mirrors map[string][]*Record) bool {
	for _, records := range mirrors {
		if slices.ContainsFunc(records, func(r *Record) bool { return !r.Terminating }) {
			return true
		}
	}
	return false
}

// finalizers is the list of a source's finalizers as it should be, or nil where it
// is so already. Ours is there while there are mirrors to go before the source, and
// comes with the first of them; a source without any doesn't need it, and could never
// go if nobody were left to take it off. Busy says that there may be a mirror in a
// moment.
func finalizers(src *Source, has, busy bool) []string {
	switch on := src.hasFinalizer(); {
	case !on && has && !src.Deleting && src.Mode >= Stopped:
		return append(slices.Clone(src.Finalizers), api.Finalizer)
	case on && !has && !busy:
		rest := slices.DeleteFunc(slices.Clone(src.Finalizers), func(f string) bool { return f == api.Finalizer })
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
		fields["annotations"] = map[string]any{api.AnnotationSyncStatus: orNull(d.status.text), api.AnnotationFailedTargets: orNull(d.status.failed)}
	}
	if len(fields) == 0 {
		return nil
	}
	aim := d.aim(src, fields)
	if pause := c.pauseSource(key, aim); pause > 0 {
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
	case apierrors.IsConflict(err), anotherObject(err):
		return errStale
	default:
		p := writeProblem("patch of the source", err)
		c.Metrics.SyncError("source", p.Reason)
		if p.Reason == reasonServerTrouble {
			klog.FromContext(ctx).Info("Can't write on a source", "source", key, "problem", p.Text)
		} else if untold := c.unpatched(key, aim, d.status, p); len(untold) > 0 {
			c.tell(ctx, key, src, p.Text, untold)
		}
		return errAgain
	}
	if untold := c.patched(key, src, version, aim, d.status); d.status != nil {
		c.tell(ctx, key, src, d.status.text, untold)
	}
	return nil
}

// patched takes note of a patch of a source, and says which problems of its status
// have not been told yet.
func (c *Controller) patched(key SourceKey, src *Source, version string, aim aim, s *status) (untold []Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.state(key)
	st.wrote = version
	if src.Deleting {
		st.released = src.UID
	}
	c.aimed(key, aim)
	if s == nil {
		return nil
	}
	untold = c.untold(key, s.problems)
	st.told = s.problems
	return untold
}

// unpatched takes note of a patch of a source that the server refuses, so that the
// same isn't tried again and again, and says which problems have not been told yet:
// where there is no room for a status, events are all that its author can read.
func (c *Controller) unpatched(key SourceKey, aim aim, s *status, refusal Problem) (untold []Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.state(key)
	c.aimed(key, aim)
	problems := []Problem{refusal}
	if s != nil {
		problems = append(problems, s.problems...)
	}
	untold = c.untold(key, problems)
	st.told = append(slices.Clone(st.told), untold...)
	return untold
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
