package controller

import (
	"context"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// SyncSource has the namespaces of a source looked at where that is due, and sees
// to its finalizer and status. It is the source queue's worker; an error has the
// key tried again with backoff.
func (c *Controller) SyncSource(ctx context.Context, key mirror.SourceKey) error {
	start := time.Now()
	err := c.syncSource(ctx, key)
	c.Metrics.Reconciled("source", result(err), time.Since(start))
	return err
}

func (c *Controller) syncSource(ctx context.Context, key mirror.SourceKey) error {
	if !c.Settings.SourceAllowed(key.Namespace) {
		return c.releaseOutside(ctx, key)
	}
	v := c.sourceSnapshot(key)
	c.reportDeletions(ctx, key, v)
	switch {
	case v.source != nil:
		return c.write(ctx, key, v.resource, v.source, v.pendingPatch)
	case v.missing:
		return c.syncAbsent(ctx, key, v.resource)
	}
	return nil
}

// sourceSnapshot is what is known when a source is looked at.
type sourceSnapshot struct {
	resource schema.GroupVersionResource
	// source is nil where there is none to be seen; missing then says that its
	// mirrors, or what we wrote on it, are to be seen to.
	source       *mirror.Source
	missing      bool
	pendingPatch pendingPatch
	// removed are mirrors that were deleted, to be told of: one for each reason.
	removed []mirror.Problem
}

func (c *Controller) sourceSnapshot(key mirror.SourceKey) sourceSnapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Type]
	if t == nil || !t.ready {
		return sourceSnapshot{} // Ready has it looked at again
	}
	src, st := t.sources[key.NamespacedName()], c.stateLocked(key)
	c.resumeHeldLocked(key, t, st)
	if src == nil {
		return sourceSnapshot{resource: t.resource, missing: c.isMissingLocked(key, t, st)}
	}
	c.enqueueAllLocked(key, t, src, st)
	v := sourceSnapshot{resource: t.resource, source: src, pendingPatch: c.pendingPatchLocked(key, t, src, st)}
	if len(st.pending) == 0 && st.deletions != nil {
		v.removed, st.deletions = mirror.MergeByReason(mirror.GroupByNamespaces(st.deletions)), nil
	}
	return v
}

// enqueueAllLocked has all namespaces looked at in which the source wants a mirror or has
// one.
func (c *Controller) enqueueAllLocked(key mirror.SourceKey, t *table, src *mirror.Source, st *state) {
	if !st.resync {
		return
	}
	st.resync = false
	has := t.bySource[key.NamespacedName()]
	look := map[string]bool{}
	if src.Mode == mirror.On && !src.Deleting {
		for _, namespace := range st.Targets(src.Limit(&c.Settings), has) {
			look[namespace] = true
		}
		for _, name := range src.Targets.Names() {
			if ns := c.namespaces[name]; ns != nil && ns.Consent(src.Namespace) == mirror.ConsentUnclear {
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
		c.enqueueLocked(key, st, namespace)
	}
}

// pendingPatch is what is to be written on a source.
type pendingPatch struct {
	// finalizers is the list as it should be, nil where it is right already.
	finalizers []string
	// status is nil where it is right already or not yet known.
	status *mirror.Status
}

// releases reports whether the patch takes our finalizer off.
func (d pendingPatch) releases(src *mirror.Source) bool {
	return d.finalizers != nil && src.HasFinalizer()
}

// pendingPatchLocked works out what a source lacks.
func (c *Controller) pendingPatchLocked(key mirror.SourceKey, t *table, src *mirror.Source, st *state) pendingPatch {
	var d pendingPatch
	if awaitsEcho(src, st) {
		return d // our own last write is still on its way back
	}
	limit := src.Limit(&c.Settings)
	d.finalizers = c.finalizersDueLocked(key, t, st)
	if len(st.pending) > 0 && src.Mode == mirror.On || src.Deleting || d.finalizers != nil && !src.HasFinalizer() {
		return d // what comes back of a new finalizer leads here again
	}
	status := mirror.StatusOf(src, &st.Selection, st.problems, limit)
	if status.Failed == "" {
		st.since = time.Time{}
	}
	if status.Text != src.SyncStatus || status.Failed != src.FailedTargets {
		d.status = &status
	}
	return d
}

// awaitsEcho reports whether our own last patch of a source is yet to be seen.
func awaitsEcho(src *mirror.Source, st *state) bool {
	return mirror.Older(src.ResourceVersion, st.lastPatch) || st.finalizerRemoved == src.UID
}

// write writes what is due on a source, in one patch.
func (c *Controller) write(ctx context.Context, key mirror.SourceKey, resource schema.GroupVersionResource, src *mirror.Source, d pendingPatch) error {
	fields := map[string]any{}
	if d.finalizers != nil {
		fields["finalizers"] = d.finalizers
	}
	if d.status != nil {
		fields["annotations"] = map[string]any{api.AnnotationSyncStatus: orNull(d.status.Text), api.AnnotationFailedTargets: orNull(d.status.Failed)}
	}
	if len(fields) == 0 {
		return nil
	}
	aim := d.aim(src, fields)
	// One that goes is released once, and waits for nobody.
	if pause := c.pauseSource(key, aim); pause > 0 && !src.Deleting {
		c.Sources.AddAfter(key, pause)
		if d.releases(src) {
			c.failRelease(key)
		}
		return nil
	}
	if d.finalizers != nil {
		// A list is replaced as a whole: what others put there since must not be lost.
		fields["resourceVersion"] = src.ResourceVersion
	}
	version, err := c.client.patchSource(ctx, resource, src.Identity, fields)
	switch {
	case err == nil:
	case apierrors.IsNotFound(err):
		return nil // gone; its informer tells
	case apierrors.IsConflict(err), anotherObject(err):
		return errStale
	default:
		if d.releases(src) {
			c.failRelease(key)
		}
		p := mirror.WriteProblem("patch of the source", err)
		c.Metrics.SyncError("source", p.Reason)
		if p.Reason == mirror.ReasonServerTrouble {
			klog.FromContext(ctx).Info("Can't write on a source", "source", key, "problem", p.Text)
		} else if unreported := c.unpatched(key, aim, d.status, p); len(unreported) > 0 {
			c.reportStatus(ctx, key, src, p.Text, unreported)
		}
		return errAgain
	}
	if unreported := c.patched(key, src, version, aim, d.status); d.status != nil {
		c.reportStatus(ctx, key, src, d.status.Text, unreported)
	}
	return nil
}

// patched records a patch of a source, and says which problems of its status
// have not been told yet.
func (c *Controller) patched(key mirror.SourceKey, src *mirror.Source, version string, aim aim, s *mirror.Status) (unreported []mirror.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.stateLocked(key)
	st.lastPatch = version
	st.releaseFailed = false
	if src.Deleting {
		st.finalizerRemoved = src.UID
	}
	c.aimedLocked(key, aim)
	if s == nil {
		return nil
	}
	unreported = c.unreportedLocked(key, s.Problems)
	st.reported = s.Problems
	return unreported
}

// unpatched records a patch of a source that the server refuses, so that the
// same isn't tried again and again, and says which problems have not been told yet:
// where there is no room for a status, events are all that its author can read.
func (c *Controller) unpatched(key mirror.SourceKey, aim aim, s *mirror.Status, refusal mirror.Problem) (unreported []mirror.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.stateLocked(key)
	c.aimedLocked(key, aim)
	problems := []mirror.Problem{refusal}
	if s != nil {
		problems = append(problems, s.Problems...)
	}
	unreported = c.unreportedLocked(key, problems)
	st.reported = append(slices.Clone(st.reported), unreported...)
	return unreported
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
