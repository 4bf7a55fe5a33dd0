package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

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
