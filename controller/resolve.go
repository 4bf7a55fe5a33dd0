package controller

import (
	"context"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// resolver puts into stand-ins and requests what their mirrors are to be made of, as far as
// that is known.
type resolver struct{ c *cache }

// contentOfLocked is a source that has come or changed with what is known of what it is made
// of put into it, where that isn't itself.
func (r resolver) contentOfLocked(key mirror.SourceKey, src, before *mirror.Source) *mirror.Source {
	if before != nil && before.Of != nil && src.Of != nil && *before.Of == *src.Of {
		if resumed, ok := src.Resume(before); ok {
			return resumed
		}
	} else {
		r.releaseLocked(key)
	}
	if src.OriginUnclear {
		put(r.c.origins.unclear, key.Namespace, key)
	}
	if src.Of == nil {
		return src
	}
	r.c.origins.depend(key, *src.Of)
	switch {
	case !mirror.TakesContent(src):
		return src
	case src.Requests():
		r.c.tables.usedFor(src.Of.Type)
		return r.grantLocked(key, src, false)
	}
	r.watchLocked(key, *src.Of)
	return src
}

// releaseLocked notes that a source depends on nothing any more.
func (r resolver) releaseLocked(key mirror.SourceKey) {
	told, ended := r.c.origins.release(key)
	r.tellTakersLocked(told)
	if !ended {
		return
	}
	for waiting := range r.c.origins.unwatched { // there is room for one
		delete(r.c.origins.unwatched, waiting)
		if src := r.c.tables.source(waiting); src != nil {
			r.c.takeSourceLocked(waiting, mirror.Awaiting(src))
		}
		return
	}
}

// tellTakersLocked has sources say anew how many they are handed out to.
func (r resolver) tellTakersLocked(sources []mirror.SourceKey) {
	for _, key := range sources {
		r.c.Sources.AddAfter(key, statusDelay)
	}
}

// grantLocked is a request with what it asks for. Certain says that it is known for certain
// what there is; otherwise what isn't to be seen is found out first (I5).
func (r resolver) grantLocked(key mirror.SourceKey, src *mirror.Source, certain bool) *mirror.Source {
	by, consent := r.grantorLocked(*src.Of, src.Namespace)
	r.tellTakersLocked(r.c.origins.grant(key, by))
	switch {
	case consent == mirror.ConsentGiven:
		return r.c.Settings.Granted(src, by)
	case consent == mirror.ConsentUnclear && len(r.c.tables.owners.mirrors[key]) > 0:
		return src.Stop("the source that it asks for can't be read; whoever keeps that can tell why")
	case !certain && !r.seesLocked(key, *src.Of):
		return mirror.Awaiting(src)
	}
	return r.c.Settings.Granted(src, nil)
}

// seesLocked reports whether a source that is asked for is there, so that what it says is
// known, and all that could stand for it too.
func (r resolver) seesLocked(key, of mirror.SourceKey) bool {
	own, t := r.c.tables.of[key.Type], r.c.tables.of[of.Type]
	return own != nil && own.ready && t != nil && t.ready && t.sources[of.NamespacedName()] != nil
}

// grantorLocked is the source that hands itself out to a namespace under a name: the one of
// that name, or the first of those that stand for it; and what there is of consent. Who asks
// may create what he names, and it may be nothing else.
func (r resolver) grantorLocked(of mirror.SourceKey, namespace string) (by *mirror.Source, consent mirror.Consent) {
	if !r.c.Settings.SourceAllowed(of.Namespace) {
		return nil, mirror.ConsentRefused
	}
	if len(r.c.origins.unclear[of.Namespace]) > 0 {
		consent = mirror.ConsentUnclear // one of these may have been it
	}
	for _, key := range r.c.origins.grantors(of) {
		src := r.c.tables.source(key)
		if src == nil || src.Mirrors.Resource != of.Type {
			continue
		}
		switch src.Grants(namespace) {
		case mirror.ConsentGiven:
			return src, mirror.ConsentGiven
		case mirror.ConsentUnclear:
			consent = mirror.ConsentUnclear
		}
	}
	return nil, consent
}

// watchLocked has the object watched that a stand-in stands for, if there is room.
func (r resolver) watchLocked(key, of mirror.SourceKey) {
	resource, served := r.c.tables.served[of.Type]
	if !served || r.c.origins.watched[of] != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	if !r.c.origins.watch(of, cancel) {
		cancel()
		r.c.origins.unwatched[key] = true
		return
	}
	go r.c.watchOrigin(ctx, resource, of.Namespace, of.Name, func(o *mirror.Origin) { r.originSeen(ctx, of, o) })
}

// originSeen takes in an object that stand-ins stand for; nil is one that isn't there, which
// is found out for certain before anything goes (I5). Each is read outside the lock, and again
// where the stand-in has changed meanwhile.
func (r resolver) originSeen(ctx context.Context, of mirror.SourceKey, o *mirror.Origin) {
	for _, key := range r.seen(ctx, of) {
		for done := false; !done; {
			src := r.source(key)
			if src == nil || !mirror.TakesContent(src) || *src.Of != of {
				break
			}
			next := mirror.Awaiting(src)
			if o != nil {
				next = r.c.Settings.Standing(src, o.Object)
			}
			done = r.swap(key, src, next)
		}
	}
}

// seen notes that the watch of an object has told of it, and lists the stand-ins for it.
func (r resolver) seen(ctx context.Context, of mirror.SourceKey) []mirror.SourceKey {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	w := r.c.origins.watched[of]
	if w == nil || ctx.Err() != nil {
		return nil
	}
	w.seen = true
	return slices.Collect(maps.Keys(r.c.origins.standIns[of]))
}

func (r resolver) source(key mirror.SourceKey) *mirror.Source {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.tables.source(key)
}

// swap puts one form of a source in the place of another, if that is still what is known.
func (r resolver) swap(key mirror.SourceKey, before, after *mirror.Source) bool {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.tables.source(key) != before {
		return false
	}
	r.c.takeSourceLocked(key, after)
	return true
}

// tellRequestsLocked has those look again who ask for a source that has come, changed or gone:
// by its name, or by that of what it stands for in one of its forms.
func (r resolver) tellRequestsLocked(key mirror.SourceKey, forms ...*mirror.Source) {
	names := sourceKeys{key: true}
	for _, src := range forms {
		if src != nil && src.Of != nil {
			if src.Requests() {
				return // which nobody is granted
			}
			names[*src.Of] = true
		}
	}
	for name := range names {
		for asking := range r.c.origins.requests[name] {
			r.askAgainLocked(asking)
		}
	}
}

func (r resolver) askAgainLocked(key mirror.SourceKey) {
	request := r.c.tables.source(key)
	if request == nil || !mirror.TakesContent(request) {
		return
	}
	if next := r.grantLocked(key, request, false); !mirror.SameSpec(next, request) {
		r.c.takeSourceLocked(key, next)
	}
}

// reviewLocked takes in that other types are mirrored from now on, and has those look again
// that are made of objects of one.
func (r resolver) reviewLocked(before map[schema.GroupResource]schema.GroupVersionResource) {
	for key, of := range maps.Clone(r.c.origins.of) {
		if before[of.Type] == r.c.tables.served[of.Type] {
			continue
		}
		r.c.origins.unwatch(of)
		if src := r.c.tables.source(key); src != nil && mirror.TakesContent(src) {
			r.c.takeSourceLocked(key, mirror.Awaiting(src))
		}
	}
}

// patience is how long a stand-in waits for the watch of what it stands for before it asks
// by itself.
const patience = 30 * time.Second

// awaitContent finds out what a stand-in or a request is to be made of.
func (w *sourceWorker) awaitContent(ctx context.Context, key mirror.SourceKey, src *mirror.Source) error {
	if src.Requests() {
		return w.awaitGrant(ctx, key, src)
	}
	resource, wait, stop := w.watched(key, *src.Of)
	switch {
	case stop != "":
		w.take(key, src, src.Stop(stop))
		return nil
	case wait > 0:
		w.cache.Sources.AddAfter(key, wait)
		return nil
	}
	u, err := w.client.getWhole(ctx, resource, src.Of.Namespace, src.Of.Name)
	switch {
	case objectNotFound(err):
		u = nil
	case mirror.LacksRight(err): // the watch tells when there is the right to it
		w.take(key, src, src.Stop(mirror.WriteProblem("get of "+src.Of.Type.String(), err).Text))
		return nil
	case err != nil:
		klog.FromContext(ctx).V(2).Info("Can't read what a source stands for", "source", key, "problem", mirror.WriteProblem("get", err).Text)
		return errAgain
	}
	w.take(key, src, w.cache.Settings.Standing(src, u))
	return nil
}

// watched has the object watched that a stand-in stands for. It says how long to wait for what
// the watch tells, or what stops the stand-in.
func (w *sourceWorker) watched(key, of mirror.SourceKey) (resource schema.GroupVersionResource, wait time.Duration, stop string) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	resolver{w.cache}.watchLocked(key, of)
	resource, served := w.cache.tables.served[of.Type]
	switch origin := w.cache.origins.watched[of]; {
	case !served:
		return resource, 0, mirror.NotMirrored(of.Type).Text
	case origin == nil:
		return resource, 0, "too many objects are stood for in this namespace, or in all; take a stand-in away"
	case !origin.seen:
		return resource, patience - time.Since(origin.since), ""
	}
	return resource, 0, ""
}

// awaitGrant finds out whether what a request asks for is gone (I5).
func (w *sourceWorker) awaitGrant(ctx context.Context, key mirror.SourceKey, src *mirror.Source) error {
	switch resource, state := w.grantState(key, *src.Of, src.Namespace); state {
	case grantUnserved:
		w.take(key, src, src.Stop(mirror.NotMirrored(src.Of.Type).Text))
		return nil
	case grantUnknown:
		return nil // Ready has it looked at again
	case grantAwaits:
		w.cache.Sources.AddAfter(key, patience) // who has it filled tells sooner
		return nil
	case grantUnseen:
		live, err := w.client.get(ctx, resource, src.Of.Namespace, src.Of.Name)
		if err != nil && !objectNotFound(err) {
			return errAgain
		}
		if err == nil {
			if _, selected := live.Labels[api.LabelEnabled]; selected && (resolver{w.cache}).source(*src.Of) == nil {
				return errStale // its informer is about to tell of it
			}
		}
	}
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	if w.cache.tables.source(key) != src {
		w.cache.Sources.Add(key) // it has changed since
		return nil
	}
	w.cache.takeSourceLocked(key, resolver{w.cache}.grantLocked(key, src, true))
	return nil
}

// What is known of what a request asks for.
const (
	grantKnown = iota
	grantUnserved
	grantUnknown
	grantAwaits
	// grantUnseen: there is no such source to be seen, so the server is asked.
	grantUnseen
)

func (w *sourceWorker) grantState(key, of mirror.SourceKey, namespace string) (resource schema.GroupVersionResource, state int) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	r := resolver{w.cache}
	resource, served := w.cache.tables.served[of.Type]
	t, own := w.cache.tables.of[of.Type], w.cache.tables.of[key.Type]
	by, _ := r.grantorLocked(of, namespace)
	switch {
	case !served:
		return resource, grantUnserved
	case !w.cache.Settings.SourceAllowed(of.Namespace): // whatever is there, nobody here hands it out
		return resource, grantKnown
	case own == nil || !own.ready || t == nil || !t.ready:
		return resource, grantUnknown
	case by != nil && by.Awaits:
		return resource, grantAwaits
	case by != nil || r.seesLocked(key, of):
		return resource, grantKnown
	}
	return resource, grantUnseen
}

// take puts one form of a source in the place of another, or has it looked at again where that
// isn't what is known any more.
func (w *sourceWorker) take(key mirror.SourceKey, before, after *mirror.Source) {
	if !(resolver{w.cache}).swap(key, before, after) {
		w.cache.Sources.Add(key)
	}
}
