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

// sourceWorker works off the queue of sources.
type sourceWorker struct {
	cache  *cache
	client client
	events recorder
}

// sync has the namespaces of a source looked at where that is due, and writes what is
// due on the source.
func (w *sourceWorker) sync(ctx context.Context, key mirror.SourceKey) error {
	if !w.cache.Settings.SourceAllowed(key.Namespace) {
		return w.releaseOutside(ctx, key)
	}
	v := w.sourceSnapshot(key)
	w.reportDeletions(ctx, key, v)
	if v.halfAsked {
		w.reportHalfAsked(ctx, key, v.source)
	}
	switch {
	case v.source != nil && v.source.Awaits && !v.source.Deleting:
		return w.awaitContent(ctx, key, v.source)
	case v.source != nil:
		return w.write(ctx, key, v.resource, v.source, v.pendingPatch)
	case v.missing:
		return w.syncAbsent(ctx, key, v.resource)
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
	// halfAsked says that its author is to be told of the annotation that it lacks.
	halfAsked bool
}

func (w *sourceWorker) sourceSnapshot(key mirror.SourceKey) sourceSnapshot {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables.of[key.Type]
	if t == nil || !t.ready {
		return sourceSnapshot{} // Ready has it looked at again
	}
	src, st := t.sources[key.NamespacedName()], w.cache.stateLocked(key)
	if src != nil && !w.cache.tables.knowsMirrorsOf(src) {
		return sourceSnapshot{} // Ready of that type has it looked at again
	}
	w.cache.resumeHeldLocked(key, t, st)
	if src == nil {
		return sourceSnapshot{resource: t.resource, missing: w.isMissingLocked(key, st)}
	}
	w.enqueueAllLocked(key, src, st)
	v := sourceSnapshot{resource: t.resource, source: src, pendingPatch: w.pendingPatchLocked(key, t, src, st), halfAsked: st.halfAsked}
	st.halfAsked = false
	if len(st.pending) == 0 && st.deletions != nil {
		v.removed, st.deletions = mirror.MergeByReason(mirror.GroupByNamespaces(st.deletions)), nil
	}
	return v
}

// enqueueAllLocked has all namespaces looked at in which the source wants a mirror or has
// one.
func (w *sourceWorker) enqueueAllLocked(key mirror.SourceKey, src *mirror.Source, st *state) {
	if !st.resync {
		return
	}
	st.resync = false
	has := w.cache.tables.owners.mirrors[key]
	look := map[string]bool{}
	if src.Mode == mirror.On && !src.Deleting {
		for _, namespace := range st.Targets(src.Limit(&w.cache.Settings), has) {
			look[namespace] = true
		}
		for _, name := range src.Targets.Names() {
			if ns := w.cache.namespaces[name]; ns != nil && ns.Consent(src.From()) == mirror.ConsentUnclear {
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
		w.cache.enqueueLocked(key, st, namespace)
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
func (w *sourceWorker) pendingPatchLocked(key mirror.SourceKey, t *table, src *mirror.Source, st *state) pendingPatch {
	var d pendingPatch
	if awaitsEcho(src, st) {
		return d // our own last write is still on its way back
	}
	limit := src.Limit(&w.cache.Settings)
	d.finalizers = w.cache.finalizersDueLocked(key, t, st)
	if len(st.pending) > 0 && src.Mode == mirror.On || src.Deleting || d.finalizers != nil && !src.HasFinalizer() {
		return d // what comes back of a new finalizer leads here again
	}
	st.Missing = w.cache.Settings.Missing(src, func(name string) bool { return w.cache.namespaces[name] != nil })
	if (resolver{w.cache}).unsettledLocked(src) && !st.waitedForTakers() {
		w.cache.Sources.AddAfter(key, statusDelay)
		return d
	}
	st.unsettledSince, st.OnRequest = time.Time{}, w.cache.origins.takers[key]
	status := mirror.StatusOf(src, &st.Selection, st.problems, limit)
	if status.Failed == "" {
		st.since = time.Time{}
	}
	if status.Text == src.SyncStatus && status.Failed == src.FailedTargets {
		return d
	}
	// One that goes with the finalizer costs no write of its own.
	if pause := st.pace.untilStatus(); pause > 0 && d.finalizers == nil {
		w.cache.Sources.AddAfter(key, pause)
		return d
	}
	d.status = &status
	return d
}

// awaitsEcho reports whether our own last patch of a source is yet to be seen.
func awaitsEcho(src *mirror.Source, st *state) bool {
	return mirror.Older(src.ResourceVersion, st.lastPatch) || st.finalizerRemoved == src.UID
}

// write writes what is due on a source, in one patch.
func (w *sourceWorker) write(ctx context.Context, key mirror.SourceKey, resource schema.GroupVersionResource, src *mirror.Source, d pendingPatch) error {
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
	if w.putOff(key, src, aim) {
		if d.releases(src) {
			w.failRelease(key, 1)
		}
		return nil
	}
	version, err := w.send(ctx, resource, src, d, fields)
	switch {
	case err == nil:
	case apierrors.IsNotFound(err):
		return nil // gone; its informer tells
	case apierrors.IsConflict(err), anotherObject(err):
		if d.releases(src) {
			w.failRelease(key, mostConflicts)
		}
		return errStale
	default:
		w.failed(key)
		if d.releases(src) {
			w.failRelease(key, 1)
		}
		if mirror.LacksRight(err) && w.cache.lacksRightNewly(key, "") {
			w.cache.Metrics.SyncError("source", mirror.ReasonServerTrouble)
			return errAgain
		}
		p := mirror.WriteProblem("patch of the source", err)
		w.cache.Metrics.SyncError("source", p.Reason)
		if p.Reason == mirror.ReasonServerTrouble {
			klog.FromContext(ctx).Info("Can't write on a source", "source", key, "problem", p.Text)
		} else if unreported := w.unpatched(key, aim, d.status, p); len(unreported) > 0 {
			w.reportStatus(ctx, key, src, p.Text, unreported)
		}
		return errAgain
	}
	if unreported := w.patched(key, src, version, aim, d); d.status != nil {
		w.reportStatus(ctx, key, src, d.status.Text, unreported)
	}
	return nil
}

// send is the request that writes on a source. It returns the new resource version.
func (w *sourceWorker) send(ctx context.Context, resource schema.GroupVersionResource, src *mirror.Source, d pendingPatch, fields map[string]any) (string, error) {
	if d.finalizers != nil && src.ManyFinalizers {
		live, err := w.client.get(ctx, resource, src.Namespace, src.Name)
		if err != nil {
			return "", err
		}
		if live.ResourceVersion != src.ResourceVersion {
			return "", errChangedSince(resource, src.Name)
		}
		d.finalizers = mirror.OthersFinalizers(live.Finalizers)
		fields["finalizers"] = d.finalizers
	}
	if src.Deleting && d.releases(src) && len(d.finalizers) == 0 {
		return src.ResourceVersion, w.client.letGo(ctx, resource, src.Identity)
	}
	if d.finalizers != nil {
		// A list is replaced as a whole: what others put there since must not be lost.
		fields["resourceVersion"] = src.ResourceVersion
	}
	return w.client.patchSource(ctx, resource, src.Identity, fields)
}

// patched records a patch of a source, and says which problems of its status
// have not been told yet.
func (w *sourceWorker) patched(key mirror.SourceKey, src *mirror.Source, version string, aim aim, d pendingPatch) (unreported []mirror.Problem) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	st := w.cache.stateLocked(key)
	st.lastPatch = version
	st.releaseFailures = 0
	if t := w.cache.tables.of[key.Type]; t != nil && d.releases(src) {
		st.released = version
		w.cache.resumeHeldLocked(key, t, st)
	}
	delete(st.lacksRight, "")
	if src.Deleting {
		st.finalizerRemoved = src.UID
	}
	st.pace.succeed()
	w.cache.aimedLocked(key, aim)
	if d.status == nil {
		return nil
	}
	st.pace.status = time.Now()
	unreported = w.unreportedLocked(key, d.status.Problems)
	st.reported = d.status.Problems
	return unreported
}

// unpatched records a patch of a source that the server refuses, so that the
// same isn't tried again and again, and says which problems have not been told yet:
// where there is no room for a status, events are all that its author can read.
func (w *sourceWorker) unpatched(key mirror.SourceKey, aim aim, s *mirror.Status, refusal mirror.Problem) (unreported []mirror.Problem) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	st := w.cache.stateLocked(key)
	w.cache.aimedLocked(key, aim)
	problems := []mirror.Problem{refusal}
	if s != nil {
		problems = append(problems, s.Problems...)
	}
	unreported = w.unreportedLocked(key, problems)
	st.reported = append(slices.Clone(st.reported), unreported...)
	return unreported
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
