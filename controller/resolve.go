package controller

import (
	"context"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// resolver puts into stand-ins and requests what their mirrors are to be made of, as far as
// that is known.
type resolver struct{ c *cache }

// contentOfLocked is a source that has come or changed with what is known of what it is made
// of put into it, where that isn't itself.
func (r resolver) contentOfLocked(key mirror.SourceKey, src, before *mirror.Source) *mirror.Source {
	same := before != nil && before.Of != nil && src.Of != nil && *before.Of == *src.Of
	if !same || src.Mode < mirror.Stopped {
		r.releaseLocked(key)
	}
	if src.AllowTo.Text != "" {
		r.c.tables.usedFor(requestType) // who asks is to be known
	}
	if src.OriginUnclear {
		put(r.c.origins.unclear, key.Namespace, key)
	}
	if src.Of == nil || src.Mode < mirror.Stopped {
		return src
	}
	r.c.origins.depend(key, *src.Of)
	if resumed, ok := src.Resume(before); same && ok {
		return resumed
	}
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

// unsettledLocked reports whether it isn't known yet how many a source is handed out to, as at
// a start, when those who ask come one by one.
func (r resolver) unsettledLocked(src *mirror.Source) bool {
	if src.AllowTo.Text == "" {
		return false
	}
	if t := r.c.tables.of[requestType]; t == nil || !t.ready {
		_, mirrored := r.c.tables.served[requestType]
		return mirrored
	}
	names := sourceKeys{src.SourceKey(): true}
	if src.Of != nil {
		names[*src.Of] = true
	}
	for name := range names {
		for key := range r.c.origins.requests[name] {
			if request := r.c.tables.source(key); request != nil && request.Awaits {
				return true
			}
		}
	}
	return false
}

// requestType is what stand-ins and requests are.
var requestType = schema.GroupResource{Resource: "configmaps"}

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
