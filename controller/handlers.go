package controller

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// The handlers take in what the informers see. They change the tables, and put
// keys into the queues; what is to be done is decided by the workers.

// SourceHandler takes in the sources of one type, as *Source.
type SourceHandler struct {
	c        *cache
	resource schema.GroupVersionResource
}

// SourcesOf is the handler for the informer of a type's sources.
func (c *cache) SourcesOf(resource schema.GroupVersionResource) SourceHandler {
	return SourceHandler{c, resource}
}

// Set takes in a source that is there or has changed.
func (h SourceHandler) Set(obj any) { h.set(obj.(*mirror.Source), false) }

// SetAtStart takes in a source that was there before this process.
func (h SourceHandler) SetAtStart(obj any) { h.set(obj.(*mirror.Source), true) }

func (h SourceHandler) set(src *mirror.Source, atStart bool) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tableLocked(h.resource)
	key := t.sourceKey(src.Key())
	if !h.c.Settings.SourceAllowed(src.Namespace) {
		h.c.seenOutsideLocked(t, key, src) // somebody else's, or nobody's: mirrors included
		return
	}
	before := t.sources[src.Key()]
	st := h.c.stateLocked(key)
	st.absentSince, st.last, st.seen = time.Time{}, nil, true
	st.noteHalfAsked(before, src, atStart)
	if mirror.SameSpec(before, src) {
		src.Reuse(before) // after each status that we write: what it made is good still
	} else {
		h.c.recomputeTargetsLocked(key, src, st)
		src = h.admitLocked(key, src, st)
	}
	t.setSource(src)
	h.c.Sources.Add(key)
}

// recomputeTargetsLocked works out anew which namespaces a source asks for, and has all of
// them looked at.
func (c *cache) recomputeTargetsLocked(key mirror.SourceKey, src *mirror.Source, st *state) {
	st.resync = true
	st.pace.succeed() // what was refused may be another matter now
	st.Requested = map[string]bool{}
	if src.Mode != mirror.On || src.Deleting {
		c.index.set(key, nil)
		return
	}
	targets := src.Targets // not a pointer into the source, which would keep all of it
	c.index.set(key, &targets)
	if src.Targets.OnlyByNames {
		for _, name := range src.Targets.Names() {
			if c.Settings.Selects(src, c.namespaces[name]) {
				st.Requested[name] = true
			}
		}
		return
	}
	for name, ns := range c.namespaces {
		if c.Settings.Selects(src, ns) {
			st.Requested[name] = true
		}
	}
}

// Gone takes in that a source is no more, or has lost the label that selects it:
// which of the two, SyncSource finds out.
func (h SourceHandler) Gone(name types.NamespacedName, _ types.UID, _ string) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tableLocked(h.resource)
	delete(t.outside, name)
	src := t.sources[name]
	if src == nil {
		return
	}
	key := t.sourceKey(name)
	t.removeSource(src)
	h.c.contents.forget(key)
	h.c.index.set(key, nil)
	st := h.c.stateLocked(key)
	st.resync, st.Requested, st.Selected = true, map[string]bool{}, nil
	st.last = src
	h.c.Sources.Add(key)
}

// MirrorHandler takes in the mirrors of one type, as *Record.
type MirrorHandler struct {
	c        *cache
	resource schema.GroupVersionResource
}

// MirrorsOf is the handler for the informer of a type's mirrors.
func (c *cache) MirrorsOf(resource schema.GroupVersionResource) MirrorHandler {
	return MirrorHandler{c, resource}
}

// Set takes in a mirror that is there or has changed. The echo of our own write
// is no news, and what is no mirror is as good as not there.
func (h MirrorHandler) Set(obj any) {
	r := obj.(*mirror.Record)
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tableLocked(h.resource)
	t.observeVersion(r.ResourceVersion)
	t.confirm(r)
	if r.Standing == mirror.Foreign {
		h.c.mirrorGoneLocked(t, r.Key(), r.UID, r.ResourceVersion)
		return
	}
	before, news := t.set(r)
	h.c.countMirror(t, before, t.mirrors[r.Key()])
	if !news {
		return
	}
	h.c.enqueueOwnersLocked(t, r)
	if before != nil && t.owner(before) != t.owner(r) {
		h.c.enqueueOwnersLocked(t, before)
	}
}

// Gone takes in that a mirror is no more, or has lost the label that makes it one.
func (h MirrorHandler) Gone(name types.NamespacedName, uid types.UID, resourceVersion string) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tableLocked(h.resource)
	t.observeVersion(resourceVersion)
	h.c.mirrorGoneLocked(t, name, uid, resourceVersion)
}

// Reached takes in that the watch has brought all that there is up to a resource version:
// what of our own writes we haven't heard by then, and don't hear soon, is to be doubted.
func (h MirrorHandler) Reached(resourceVersion string) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tableLocked(h.resource)
	t.reached = resourceVersion
	for r, rest := range t.passed() {
		h.c.Mirrors.AddAfter(mirror.MirrorKey{Source: t.sourceKey(t.ownerOf(r)), Namespace: r.Namespace}, rest)
	}
}

// mirrorGoneLocked takes in that an object is no mirror, or no more.
func (c *cache) mirrorGoneLocked(t *table, name types.NamespacedName, uid types.UID, resourceVersion string) {
	if known := t.observeDelete(name, uid, resourceVersion); known != nil {
		c.countMirror(t, known, nil)
		c.enqueueOwnersLocked(t, known)
	}
}

// countMirror tells the metrics of a mirror that has come or gone.
func (c *cache) countMirror(t *table, before, after *mirror.Record) {
	switch was, is := before != nil && before.Standing.IsMirror(), after != nil && after.Standing.IsMirror(); {
	case was && !is:
		c.Metrics.MirrorRemoved(before.Namespace, t.typeName())
	case is && !was:
		c.Metrics.MirrorAdded(after.Namespace, t.typeName())
	}
}

// enqueueOwnersLocked has those look at a mirror who may have something to do about it: the
// source whose it is or may be, and those that wait for its name. What has happened
// on our own request is no drift.
func (c *cache) enqueueOwnersLocked(t *table, r *mirror.Record) {
	for key := range c.conflicts.waiting[object{t.resource.GroupResource(), r.Key()}] {
		c.Mirrors.Add(key)
	}
	if !t.ready {
		return // Ready has all of them looked at
	}
	owner := t.owner(r)
	if owner.Name == "" || !c.Settings.SourceAllowed(owner.Namespace) || !r.Standing.IsMirror() && t.sources[owner] == nil {
		return
	}
	key := t.sourceKey(owner)
	if st := c.states[key]; st != nil && !r.DeleteRequested {
		st.drifted[r.Namespace] = true
	}
	c.Mirrors.AddCharged(mirror.MirrorKey{Source: key, Namespace: r.Namespace}, r.Namespace) // see charge.go
}

// enqueueLocked has a source look at one of its namespaces.
func (c *cache) enqueueLocked(key mirror.SourceKey, st *state, namespace string) {
	now := time.Now()
	st.pending[namespace] = now
	if st.since.IsZero() {
		st.since = now
	}
	if st.seen {
		c.Mirrors.Add(mirror.MirrorKey{Source: key, Namespace: namespace})
	} else {
		c.Mirrors.AddCharged(mirror.MirrorKey{Source: key, Namespace: namespace}, namespace)
	}
}

// Ready takes in that both lists of a type have arrived: now its mirrors can be
// told right from wrong, and those whose source is gone can be told.
func (c *cache) Ready(resource schema.GroupVersionResource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tableLocked(resource)
	t.ready = true
	t.reown()
	c.reportOutsideLocked(t)
	c.reportHalfAskedLocked(t)
	for name := range t.sources {
		c.stateLocked(t.sourceKey(name)).resync = true
		c.Sources.Add(t.sourceKey(name))
	}
	for name, has := range t.bySource {
		if t.sources[name] == nil && name.Name != "" && c.Settings.SourceAllowed(name.Namespace) {
			c.stateLocked(t.sourceKey(name)).resync = true
			c.enqueueSourceLocked(t.sourceKey(name), slices.Min(slices.Collect(maps.Keys(has))))
		}
	}
}

// Forget takes in that nobody watches a type any more. It forgets what it knew,
// and deletes nothing for it (I5).
func (c *cache) Forget(resource schema.GroupVersionResource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[resource.GroupResource()]
	if t == nil || t.resource != resource {
		return
	}
	for _, r := range t.mirrors {
		c.countMirror(t, r, nil)
	}
	delete(c.tables, resource.GroupResource())
	c.conflicts.forget(resource.GroupResource())
	maps.DeleteFunc(c.contested, func(key mirror.MirrorKey, _ object) bool { return key.Source.Type == resource.GroupResource() })
	c.kept.forget(resource.GroupResource())
	maps.DeleteFunc(c.states, func(key mirror.SourceKey, _ *state) bool {
		if key.Type == resource.GroupResource() {
			c.index.set(key, nil)
			c.contents.forget(key)
			return true
		}
		return false
	})
}
