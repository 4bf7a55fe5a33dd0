package controller

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// sourceUnknown is the intent while whether the source is gone is to be found out.
const sourceUnknown mirror.Intent = -1

// snapshot is what is known when one namespace of a source is looked at.
type snapshot struct {
	// resource is the source's, and mirrors what its mirrors are; zero where that isn't
	// served.
	resource, mirrors schema.GroupVersionResource
	source            *mirror.Source
	// namespace is the target, where a mirror is to be there.
	namespace *mirror.Namespace
	// intent is IntentUnknown while the type isn't known, or not yet.
	intent mirror.Intent
	// existing are the source's mirrors in the namespace.
	existing []*mirror.Record
	// former says that a mirror under an earlier name is looked at.
	former bool
	// whole is the mirror that is to be there, where it was read since.
	whole *unstructured.Unstructured
	// authorized says that the source's author may have a mirror made there.
	authorized bool
	// drift says that only a change of a mirror has led here; otherwise since is when
	// this look became due.
	drift bool
	since time.Time
	// consent says what of the namespace can't be read, where that is why its mirrors
	// stay as they are; cause says why a mirror is to go, where its source's author
	// didn't ask for that.
	consent, cause string
	// refused says that the namespace refuses mirrors of the source, if it is there.
	refused bool
}

func (w *mirrorWorker) snapshot(key mirror.MirrorKey) snapshot {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables.of[key.Source.Type]
	if t == nil || !t.ready {
		return snapshot{}
	}
	st := w.cache.stateLocked(key.Source)
	existing := slices.Clone(w.cache.tables.owners.mirrors[key.Source][key.Namespace])
	for n, r := range existing {
		existing[n] = w.cache.tables.of[r.Resource()].doubt(r)
	}
	s := snapshot{
		resource:  t.resource,
		source:    t.sources[key.Source.NamespacedName()],
		namespace: w.cache.namespaces[key.Namespace],
		existing:  existing,
		since:     st.pending[key.Namespace],
	}
	if s.source != nil {
		if !w.cache.tables.knowsMirrorsOf(s.source) {
			return snapshot{} // Ready of that type has it looked at again
		}
		s.mirrors = w.cache.tables.served[s.source.Mirrors.Resource]
	}
	s.drift = s.since.IsZero() && st.drifted[key.Namespace]
	s.intent = w.cache.intentLocked(s.source, st, w.cache.namespaces[key.Namespace], w.cache.tables.owners.mirrors[key.Source], key.Namespace)
	if ns := w.cache.namespaces[key.Namespace]; ns != nil {
		s.refused = ns.Refuses(cmp.Or(s.source.From(), key.Source.Namespace))
	}
	if s.intent != mirror.IntentPresent {
		w.cache.conflicts.stopWaiting(key)
	}
	switch s.intent {
	case sourceUnknown:
		w.cache.enqueueSourceLocked(key.Source, key.Namespace) // finds out whether it is gone (I5)
	case mirror.IntentUnclear:
		if len(s.existing) > 0 || s.source.Targets.AsksByName(key.Namespace) {
			s.consent = w.cache.namespaces[key.Namespace].Unreadable
		}
	case mirror.IntentAbsent:
		w.cache.kept.drop(key)
		s.cause = w.causeLocked(s.source, st, w.cache.namespaces[key.Namespace])
		if s.source == nil && len(s.existing) == 0 {
			w.cache.enqueueSourceLocked(key.Source, key.Namespace) // to be forgotten, once nothing is left
		}
	}
	return s
}

// causeLocked is why there is to be no mirror, where it isn't the source's own doing.
func (w *mirrorWorker) causeLocked(src *mirror.Source, st *state, ns *mirror.Namespace) string {
	switch {
	case src == nil && !st.deselected:
		return "its source is gone"
	case src == nil, src.Deleting, src.Mode < mirror.Stopped, ns == nil:
	case ns.Consent(src.From()) == mirror.ConsentRefused:
		return "the namespace refuses mirrors of sources in " + src.From()
	case !w.cache.Settings.TargetAllowed(ns.Name) && src.Targets.Match(ns):
		return "the controller's flags leave the namespace out"
	case st.Requested[ns.Name] && src.Limit(&w.cache.Settings) != src.MaxTargets:
		return "it is over the maximum targets of the controller"
	}
	return ""
}

// intentNowLocked is what a mirror's source wants by now.
func (w *mirrorWorker) intentNowLocked(key mirror.MirrorKey, t *table) mirror.Intent {
	name := key.Source.NamespacedName()
	return w.cache.intentLocked(t.sources[name], w.cache.stateLocked(key.Source), w.cache.namespaces[key.Namespace], w.cache.tables.owners.mirrors[key.Source], key.Namespace)
}

// intentLocked is what a source wants in a namespace, now.
func (c *cache) intentLocked(src *mirror.Source, st *state, ns *mirror.Namespace, has map[string][]*mirror.Record, namespace string) mirror.Intent {
	if src == nil && len(has[namespace]) > 0 && !st.isAbsent() {
		return sourceUnknown
	}
	return src.Intent(ns, func() bool { return st.Wants(namespace, src.Limit(&c.Settings), has) })
}
