package controller

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// The finalizer on a source comes with its first mirror. It goes before the last one
// is deleted, unless the source itself is being deleted: a mirror whose source has
// no finalizer is found at the next start, but a source that has the finalizer and no
// mirror is found by its label alone. If that were taken off while no replica runs,
// nobody would ever let the source go.

// finalizersDueLocked is the list of a source's finalizers as it should be; nil where it is
// so, there is no telling yet, or there is no source.
func (c *cache) finalizersDueLocked(key mirror.SourceKey, t *table, st *state) []string {
	src := t.sources[key.NamespacedName()]
	switch {
	case src == nil, awaitsEcho(src, st), !c.tables.knowsMirrorsOf(src):
		return nil
	case src.Deleting:
		return finalizers(src, t.holds(src, c.namespaces), st.inFlight > 0)
	}
	return finalizers(src, c.keepsLocked(key, src, st), st.inFlight > 0 || c.expectsLocked(key, src, st))
}

// finalizers is the list of a source's finalizers as it should be, or nil where it
// is so already. Ours is there while the source keeps mirrors. Expects says that there
// may be another in a moment.
func finalizers(src *mirror.Source, keeps, expects bool) []string {
	switch on := src.HasFinalizer(); {
	case !on && keeps && !src.Deleting && !src.ManyFinalizers && src.Mode >= mirror.Stopped:
		return append(slices.Clone(src.Finalizers), api.Finalizer)
	case on && !keeps && !expects:
		return mirror.OthersFinalizers(src.Finalizers)
	}
	return nil
}

// holds reports whether a source that is being deleted has a mirror for which it
// waits: one where it asked for it. Elsewhere anybody can put an object that is taken for one;
// it goes without the source as well.
func (t *table) holds(src *mirror.Source, namespaces map[string]*mirror.Namespace) bool {
	for namespace, records := range t.owners.mirrors[src.SourceKey()] {
		ns := namespaces[namespace]
		if slices.ContainsFunc(records, stays) && (ns == nil || src.MayAskFor(ns)) {
			return true
		}
	}
	return false
}

// anyStays reports whether there is a mirror that isn't on its way out.
func anyStays(mirrors map[string][]*mirror.Record) bool {
	for _, records := range mirrors {
		if slices.ContainsFunc(records, stays) {
			return true
		}
	}
	return false
}

func stays(r *mirror.Record) bool { return !r.Terminating }

// keepsLocked reports whether a source has a mirror that is to stay.
func (c *cache) keepsLocked(key mirror.SourceKey, src *mirror.Source, st *state) bool {
	has := c.tables.owners.mirrors[key]
	if src.Mode < mirror.Stopped {
		return false
	}
	for namespace, records := range has {
		ns := c.namespaces[namespace]
		if ns != nil && ns.Terminating || !slices.ContainsFunc(records, stays) {
			continue
		}
		if c.intentLocked(src, st, ns, has, namespace) != mirror.IntentAbsent {
			return true
		}
	}
	return false
}

// expectsLocked reports whether one of the looks that are due may make a mirror.
func (c *cache) expectsLocked(key mirror.SourceKey, src *mirror.Source, st *state) bool {
	has := c.tables.owners.mirrors[key]
	for _, due := range []iter.Seq[string]{maps.Keys(st.pending), maps.Keys(st.drifted)} {
		for namespace := range due {
			if c.intentLocked(src, st, c.namespaces[namespace], has, namespace) == mirror.IntentPresent {
				return true
			}
		}
	}
	return false
}

// releaseFirstLocked reports whether a source is to lose its finalizer before any more of
// its mirrors are deleted.
func (c *cache) releaseFirstLocked(key mirror.SourceKey, t *table, st *state) bool {
	src := t.sources[key.NamespacedName()]
	switch {
	case src == nil, src.Deleting, !src.HasFinalizer(), mirror.Older(src.ResourceVersion, st.released), st.releaseFailures >= mostConflicts:
		return false
	}
	return len(st.held) > 0 || !c.keepsLocked(key, src, st)
}

// longestHold is how long a deletion may be held back in all: what the finalizer's removal
// waits for, as the watch of the sources or a look at another namespace, may take longer.
const longestHold = 5 * time.Second

// holdLocked holds the deletion of a mirror back until its source has lost its finalizer.
func (c *cache) holdLocked(key mirror.MirrorKey, t *table) bool {
	st := c.stateLocked(key.Source)
	if !c.releaseFirstLocked(key.Source, t, st) {
		return false
	}
	if len(st.held) == 0 {
		st.heldSince = time.Now()
		c.Sources.AddAfter(key.Source, longestHold)
	}
	st.held[key.Namespace] = true
	c.Sources.Add(key.Source)
	return true
}

// resumeHeldLocked has the mirrors looked at again whose deletion was held back, if
// nothing holds it back any more.
func (c *cache) resumeHeldLocked(key mirror.SourceKey, t *table, st *state) {
	if len(st.held) == 0 {
		return
	}
	held := st.held
	st.held = map[string]bool{}
	if time.Since(st.heldSince) >= longestHold {
		st.releaseFailures = mostConflicts
	}
	if c.releaseFirstLocked(key, t, st) {
		st.held = held
		return
	}
	for namespace := range held {
		c.Mirrors.Add(mirror.MirrorKey{Source: key, Namespace: namespace})
	}
}

// mostConflicts is how often the finalizer's removal may meet a newer form of the source
// before its mirrors go without it.
const mostConflicts = 3

// failRelease records that a source's finalizer couldn't be taken off. After so many times
// in a row as most, its mirrors go all the same: nobody keeps them where they are not to be
// by refusing that patch, or by changing the source all the time.
func (w *sourceWorker) failRelease(key mirror.SourceKey, most int) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	st := w.cache.stateLocked(key)
	if st.releaseFailures++; st.releaseFailures < most {
		return
	}
	st.releaseFailures = mostConflicts
	if t := w.cache.tables.of[key.Type]; t != nil {
		w.cache.resumeHeldLocked(key, t, st)
	}
}
