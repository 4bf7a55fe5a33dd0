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

// contentOfLocked is a stand-in or a request that has come or changed with what is known of
// its content put into it, as far as it is known.
func (r resolver) contentOfLocked(key mirror.SourceKey, src, before *mirror.Source) *mirror.Source {
	if src.Of == nil {
		r.c.origins.release(key)
		return src
	}
	isNew := r.c.origins.depend(key, *src.Of)
	if !isNew {
		if resumed, ok := src.Resume(before); ok {
			return resumed
		}
	}
	if src.Requests() {
		r.c.tables.usedFor(src.Of.Type)
		return r.grantLocked(key, src, false)
	}
	r.watchOriginLocked(*src.Of)
	return src
}

// grantLocked is a request with what it asks for. Certain says that it is known for certain
// what there is; otherwise what isn't to be seen is found out first (I5).
func (r resolver) grantLocked(key mirror.SourceKey, src *mirror.Source, certain bool) *mirror.Source {
	by, consent := r.grantorLocked(*src.Of, src.Namespace)
	for _, told := range r.c.origins.grant(key, by) {
		r.c.Sources.AddAfter(told, statusDelay)
	}
	switch {
	case consent == mirror.ConsentUnclear && len(r.c.tables.owners.mirrors[key]) > 0:
		return src.Stop("the source that it asks for can't be read; whoever keeps that can tell why")
	case consent != mirror.ConsentGiven && !certain:
		return mirror.Awaiting(src)
	case consent != mirror.ConsentGiven:
		return r.c.Settings.Granted(src, nil)
	}
	return r.c.Settings.Granted(src, by)
}

// grantorLocked is the source that hands itself out to a namespace under a name: the one of
// that name, or the first of those that stand for it; and what there is of consent.
func (r resolver) grantorLocked(of mirror.SourceKey, namespace string) (by *mirror.Source, consent mirror.Consent) {
	if !r.c.Settings.SourceAllowed(of.Namespace) {
		return nil, mirror.ConsentRefused
	}
	candidates := []mirror.SourceKey{of}
	candidates = append(candidates, slices.SortedFunc(maps.Keys(r.c.origins.dependents[of]), mirror.CompareSources)...)
	for _, key := range candidates {
		src := r.c.tables.source(key)
		if src == nil || src.Namespace != of.Namespace || src.Mirrors.Resource != of.Type {
			continue // who asks may create what he names, and it may be nothing else
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

// watchOriginLocked has an object watched that a stand-in stands for.
func (r resolver) watchOriginLocked(of mirror.SourceKey) {
	resource, served := r.c.tables.served[of.Type]
	if !served || r.c.origins.watched[of] != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.c.origins.watched[of] = &watchedOrigin{unwatch: cancel, since: time.Now()}
	go r.c.watchOrigin(ctx, resource, of.Namespace, of.Name, func(o *mirror.Origin) { r.originSeen(ctx, of, o) })
}

// originSeen takes in an object that stand-ins stand for; nil is one that isn't there, which
// is found out for certain before anything goes (I5).
func (r resolver) originSeen(ctx context.Context, of mirror.SourceKey, o *mirror.Origin) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	w := r.c.origins.watched[of]
	if w == nil || ctx.Err() != nil {
		return
	}
	w.seen = true
	for key := range r.c.origins.dependents[of] {
		src := r.c.tables.source(key)
		if src == nil || !src.StandsFor() {
			continue
		}
		if o == nil {
			r.c.takeSourceLocked(key, mirror.Awaiting(src))
			r.c.Sources.Add(key)
			continue
		}
		r.c.takeSourceLocked(key, r.c.Settings.Standing(src, o.Object))
	}
}

// tellDependentsLocked has those look again who ask for a source that has changed, or gone.
func (r resolver) tellDependentsLocked(src *mirror.Source, gone bool) {
	if src.Requests() {
		return // which nobody can ask for
	}
	names := []mirror.SourceKey{src.SourceKey()}
	if src.Of != nil {
		names = append(names, *src.Of)
	}
	for _, name := range names {
		for key := range r.c.origins.dependents[name] {
			request := r.c.tables.source(key)
			switch {
			case request == nil || !request.Requests():
			case gone:
				r.c.takeSourceLocked(key, mirror.Awaiting(request))
			default:
				r.c.takeSourceLocked(key, r.grantLocked(key, request, false))
			}
		}
	}
}

// reviewOriginsLocked takes in that other types are mirrored from now on, and has those look
// again that stand for objects of one.
func (r resolver) reviewOriginsLocked(before map[schema.GroupResource]schema.GroupVersionResource) {
	for of, dependents := range r.c.origins.dependents {
		if before[of.Type] == r.c.tables.served[of.Type] {
			continue
		}
		if w := r.c.origins.watched[of]; w != nil {
			w.unwatch()
			delete(r.c.origins.watched, of)
		}
		for key := range dependents {
			if src := r.c.tables.source(key); src != nil {
				r.c.takeSourceLocked(key, mirror.Awaiting(src))
				r.c.Sources.Add(key)
			}
		}
	}
}

// patience is how long a stand-in waits for the watch of what it stands for before it asks
// by itself.
const patience = 5 * time.Second

// awaitContent finds out what a stand-in or a request is to be made of.
func (w *sourceWorker) awaitContent(ctx context.Context, key mirror.SourceKey, src *mirror.Source) error {
	if src.Requests() {
		return w.awaitGrant(ctx, key, src)
	}
	w.cache.mu.Lock()
	resolver{w.cache}.watchOriginLocked(*src.Of)
	origin, resource := w.cache.origins.watched[*src.Of], w.cache.tables.served[src.Of.Type]
	wait := time.Duration(0)
	if origin != nil && !origin.seen {
		wait = patience - time.Since(origin.since)
	}
	w.cache.mu.Unlock()
	switch {
	case origin == nil:
		w.take(key, src, src.Stop(mirror.NotMirrored(src.Of.Type).Text))
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

// awaitGrant finds out whether what a request asks for is gone (I5).
func (w *sourceWorker) awaitGrant(ctx context.Context, key mirror.SourceKey, src *mirror.Source) error {
	w.cache.mu.Lock()
	resource, served := w.cache.tables.served[src.Of.Type]
	t, own := w.cache.tables.of[src.Of.Type], w.cache.tables.of[key.Type]
	by, _ := resolver{w.cache}.grantorLocked(*src.Of, src.Namespace)
	w.cache.mu.Unlock()
	switch {
	case !own.ready:
		return nil // Ready has it looked at again
	case by != nil && by.Awaits:
		w.cache.Sources.AddAfter(key, patience) // who has it filled tells sooner
		return nil
	case by == nil && served:
		if t == nil || !t.ready {
			return nil // Ready has it looked at again
		}
		live, err := w.client.get(ctx, resource, src.Of.Namespace, src.Of.Name)
		if err != nil && !objectNotFound(err) {
			return errAgain
		}
		if err == nil {
			if _, selected := live.Labels[api.LabelEnabled]; selected && !(resolver{w.cache}).knows(*src.Of) {
				return errStale // its informer is about to tell of it
			}
		}
	}
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	if now := w.cache.tables.source(key); now == src {
		w.cache.takeSourceLocked(key, resolver{w.cache}.grantLocked(key, src, true))
	}
	return nil
}

// knows reports whether a source is there.
func (r resolver) knows(key mirror.SourceKey) bool {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.c.tables.source(key) != nil
}

// take puts one form of a source in the place of another, if that is still what is known.
func (w *sourceWorker) take(key mirror.SourceKey, before, after *mirror.Source) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	if w.cache.tables.source(key) == before {
		w.cache.takeSourceLocked(key, after)
	}
}
