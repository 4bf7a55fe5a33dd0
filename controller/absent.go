package controller

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// absentFor is how long the server's word that a source is gone is good for. What
// is deleted later than that is deleted on a new word (I5).
const absentFor = 30 * time.Second

// isAbsent reports whether the source is known to be gone, or a source no more.
func (s *state) isAbsent() bool { return time.Since(s.absentSince) < absentFor }

// isMissingLocked reports whether a source that is not to be seen has left something behind:
// mirrors, or what we wrote on it, if it has merely lost the label that selects it.
// A source that has left nothing is forgotten.
func (w *sourceWorker) isMissingLocked(key mirror.SourceKey, st *state) bool {
	switch {
	case st.inFlight > 0:
		return false // looked at again when it is known what there is
	case st.wroteOnLast():
		return true
	case anyStays(w.cache.tables.owners.mirrors[key]):
		return !st.isAbsent() // otherwise the mirrors' own keys see to it
	case len(w.cache.tables.owners.mirrors[key]) == 0:
		w.cache.conflicts.abandoned(key)
		delete(w.cache.states, key)
	}
	return false
}

// wroteOnLast reports whether the source, when last seen, bore something that we wrote
// and haven't taken off; or may bear it since.
func (s *state) wroteOnLast() bool {
	src := s.last
	return src != nil && s.finalizerRemoved != src.UID &&
		(src.HasFinalizer() || src.SyncStatus != "" || mirror.Older(src.ResourceVersion, s.lastPatch))
}

// syncAbsent finds out why a source is not to be seen, and has its mirrors go if
// it is one no more.
func (w *sourceWorker) syncAbsent(ctx context.Context, key mirror.SourceKey, resource schema.GroupVersionResource) error {
	if pause := w.untilRetry(key); pause > 0 {
		w.cache.Sources.AddAfter(key, pause)
		return nil
	}
	deselected, err := w.confirmAbsent(ctx, key, resource)
	if errors.Is(err, errAgain) {
		w.failed(key)
	}
	if err != nil {
		return err
	}
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables.of[key.Type]
	if t == nil || t.sources[key.NamespacedName()] != nil {
		return nil // forgotten, or back
	}
	st := w.cache.stateLocked(key)
	st.absentSince, st.deselected, st.last = time.Now(), deselected, nil
	st.pace.succeed()
	look := map[string]bool{}
	for namespace := range w.cache.tables.owners.mirrors[key] {
		look[namespace] = true
	}
	for namespace := range st.problems {
		look[namespace] = true
	}
	for namespace := range look {
		w.cache.enqueueLocked(key, st, namespace)
	}
	if len(look) == 0 {
		w.cache.Sources.Add(key) // to be forgotten, for nothing is left
	}
	return nil
}

// confirmAbsent asks the server whether a source is really gone (I5); an error says
// that it isn't, or that there is no telling. One that is there, but has lost the
// label that selects it, is deselected, and rid of what we wrote on it; that comes
// before its mirrors go, because after a crash in between they lead here again, and
// nothing else would.
func (w *sourceWorker) confirmAbsent(ctx context.Context, key mirror.SourceKey, resource schema.GroupVersionResource) (deselected bool, err error) {
	live, err := w.client.get(ctx, resource, key.Namespace, key.Name)
	switch {
	case objectNotFound(err):
		return false, nil
	case err != nil:
		w.cache.Metrics.SyncError("source", "get")
		return false, errAgain
	}
	if _, selected := live.Labels[api.LabelEnabled]; selected {
		return false, errStale // its informer is about to tell of it
	}
	return true, w.release(ctx, resource, live)
}

// release takes our finalizer and status off an object that is no source any more.
func (w *sourceWorker) release(ctx context.Context, resource schema.GroupVersionResource, live *metav1.PartialObjectMetadata) error {
	fields := map[string]any{}
	if rest := mirror.OthersFinalizers(live.Finalizers); len(rest) != len(live.Finalizers) {
		fields["finalizers"] = rest
		fields["resourceVersion"] = live.ResourceVersion
	}
	if live.Annotations[api.AnnotationSyncStatus] != "" || live.Annotations[api.AnnotationFailedTargets] != "" {
		fields["annotations"] = map[string]any{api.AnnotationSyncStatus: nil, api.AnnotationFailedTargets: nil}
	}
	if len(fields) == 0 {
		return nil
	}
	identity := mirror.Identity{Namespace: live.Namespace, Name: live.Name, UID: live.UID}
	var err error
	if mirror.HoldsLast(live) {
		err = w.client.letGo(ctx, resource, identity)
	} else {
		_, err = w.client.patchSource(ctx, resource, identity, fields)
	}
	switch {
	case err == nil:
		w.recordReleased(mirror.SourceKey{Type: resource.GroupResource(), Namespace: live.Namespace, Name: live.Name})
		return nil
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err), anotherObject(err):
		return errStale
	}
	w.cache.Metrics.SyncError("source", "patch")
	return errAgain
}

// recordReleased counts that all of ours was taken off a source that is none any more.
func (w *sourceWorker) recordReleased(key mirror.SourceKey) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	w.cache.aimedLocked(key, aim{intent: deletion})
}
