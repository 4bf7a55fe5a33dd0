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
	t := h.c.tables.table(h.resource)
	key := t.sourceKey(src.Key())
	if !h.c.Settings.SourceAllowed(src.Namespace) {
		h.c.seenOutsideLocked(t, key, src) // somebody else's, or nobody's: mirrors included
		return
	}
	h.c.stateLocked(key).noteHalfAsked(t.sources[src.Key()], src, atStart)
	h.c.takeSourceLocked(key, resolver{h.c}.contentOfLocked(key, src, t.sources[src.Key()]))
}

// takeSourceLocked takes in a source that is there, with the content that it has by now.
func (c *cache) takeSourceLocked(key mirror.SourceKey, src *mirror.Source) {
	t := c.tables.of[key.Type]
	before := t.sources[src.Key()]
	st := c.stateLocked(key)
	st.absentSince, st.last, st.seen = time.Time{}, nil, true
	same := mirror.SameSpec(before, src)
	if same {
		src.Reuse(before) // after each status that we write: what it made is good still
	} else {
		c.recomputeTargetsLocked(key, src, st)
		src = c.admitLocked(key, src, st)
		c.tables.note(key, src)
	}
	t.setSource(src)
	c.Sources.Add(key)
	if !same {
		resolver{c}.tellRequestsLocked(key, before, src)
	}
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
	c.index.setReader(key, src.ReadsAnnotations())
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
	t := h.c.tables.table(h.resource)
	delete(t.outside, name)
	src := t.sources[name]
	if src == nil {
		return
	}
	key := t.sourceKey(name)
	t.removeSource(src)
	resolver{h.c}.releaseLocked(key)
	resolver{h.c}.tellRequestsLocked(key, src)
	delete(h.c.tables.elsewhere, key)
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
	t := h.c.tables.table(h.resource)
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
	if before != nil && h.c.tables.owners.of(before) != h.c.tables.owners.of(r) {
		h.c.enqueueOwnersLocked(t, before)
	}
}

// Gone takes in that a mirror is no more, or has lost the label that makes it one.
func (h MirrorHandler) Gone(name types.NamespacedName, uid types.UID, resourceVersion string) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tables.table(h.resource)
	t.observeVersion(resourceVersion)
	h.c.mirrorGoneLocked(t, name, uid, resourceVersion)
}

// Reached takes in that the watch has brought all that there is up to a resource version:
// what of our own writes we haven't heard by then, and don't hear soon, is to be doubted.
func (h MirrorHandler) Reached(resourceVersion string) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	t := h.c.tables.table(h.resource)
	t.reached = resourceVersion
	for r, rest := range t.passed() {
		h.c.Mirrors.AddAfter(mirror.MirrorKey{Source: h.c.tables.owners.recorded(r), Namespace: r.Namespace}, rest)
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
	for key := range c.conflicts.waiting[objectOf(r)] {
		c.Mirrors.Add(key)
	}
	key := c.tables.owners.of(r)
	if key.Name == "" || !c.Settings.SourceAllowed(key.Namespace) {
		return
	}
	if key.Type != t.resource.GroupResource() {
		c.tables.usedFor(key.Type) // what isn't watched can't be known to be gone
	}
	of := c.tables.of[key.Type]
	if !t.ready || of == nil || !of.ready {
		return // Ready has all of them looked at
	}
	if !r.Standing.IsMirror() && of.sources[key.NamespacedName()] == nil {
		return
	}
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
	t := c.tables.table(resource)
	t.ready = true
	c.tables.reown(t)
	for key, of := range c.origins.of {
		if of.Type == resource.GroupResource() {
			c.Sources.Add(key)
		}
	}
	c.reportOutsideLocked(t)
	c.reportHalfAskedLocked(t)
	for _, key := range c.tables.concerned(t) {
		of := c.tables.of[key.Type]
		if of == nil || !of.ready || key.Name == "" || !c.Settings.SourceAllowed(key.Namespace) {
			continue
		}
		// What was chosen before these mirrors were known was chosen blindly.
		c.stateLocked(key).resync, c.stateLocked(key).Selected = true, nil
		if of.sources[key.NamespacedName()] != nil {
			c.Sources.Add(key)
			continue
		}
		has := c.tables.owners.mirrors[key]
		c.enqueueSourceLocked(key, slices.Min(slices.Collect(maps.Keys(has))))
	}
}

// Forget takes in that nobody watches a type any more. It forgets what it knew,
// and deletes nothing for it (I5).
func (c *cache) Forget(resource schema.GroupVersionResource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables.of[resource.GroupResource()]
	if t == nil || t.resource != resource {
		return
	}
	concerned := c.tables.concerned(t)
	for _, r := range t.mirrors {
		c.countMirror(t, r, nil)
	}
	c.tables.forget(t)
	c.conflicts.forget(resource.GroupResource())
	maps.DeleteFunc(c.contested, func(key mirror.MirrorKey, _ object) bool { return key.Source.Type == resource.GroupResource() })
	c.kept.forget(resource.GroupResource())
	maps.DeleteFunc(c.states, func(key mirror.SourceKey, _ *state) bool {
		if key.Type == resource.GroupResource() {
			c.index.set(key, nil)
			c.contents.forget(key)
			_, _ = c.origins.release(key)
			return true
		}
		return false
	})
	for _, key := range concerned { // whose mirrors can't be written any more
		if st := c.states[key]; st != nil {
			st.resync = true
			c.Sources.Add(key)
		}
	}
}
