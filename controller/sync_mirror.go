package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// mirrorWorker works off the queue of mirrors.
type mirrorWorker struct {
	cache   *cache
	client  client
	reader  reader
	authors *authors
	events  recorder
	// watchObject is as in Config.
	watchObject func(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, gone func())
}

// sync makes one namespace right for one source.
func (w *mirrorWorker) sync(ctx context.Context, key mirror.MirrorKey) error {
	if !w.cache.Settings.SourceAllowed(key.Source.Namespace) {
		return nil
	}
	s := w.snapshot(key)
	switch s.intent {
	case mirror.IntentUnknown:
		return nil // Ready has it looked at again
	case sourceUnknown:
		return errStale
	case mirror.IntentRetain:
		w.finish(ctx, key, s.source, nil)
		return nil
	case mirror.IntentUnclear:
		var problems []mirror.Problem
		if s.consent != "" {
			problems = append(problems, mirror.UnclearConsent(s.consent))
		}
		w.finish(ctx, key, s.source, problems)
		return nil
	case mirror.IntentAbsent:
		return w.deleteStale(ctx, key, s, s.existing, nil)
	}
	source, err := w.reader.withContent(ctx, key.Source, s)
	if err != nil {
		return w.failLook(ctx, key, s.source, err)
	}
	s.source = source
	return w.syncPresent(ctx, key, s)
}

// failLook ends a look for which the source couldn't be read.
func (w *mirrorWorker) failLook(ctx context.Context, key mirror.MirrorKey, src *mirror.Source, err error) error {
	if errors.Is(err, errStale) {
		return err
	}
	problem, again := w.classifyError(ctx, key, "get of the source", err)
	if problem != nil {
		w.finish(ctx, key, src, []mirror.Problem{*problem})
	}
	return again
}

// syncPresent makes a namespace right where a mirror is to be.
func (w *mirrorWorker) syncPresent(ctx context.Context, key mirror.MirrorKey, s snapshot) error {
	if s.mirrors.Resource == "" {
		w.finish(ctx, key, s.source, []mirror.Problem{mirror.NotMirrored(s.source.Mirrors.Resource)})
		return nil
	}
	name, problem := s.source.MirrorName(s.namespace)
	if problem != nil {
		w.finish(ctx, key, s.source, []mirror.Problem{*problem})
		return nil
	}
	shape, problems := s.source.Desired(s.namespace, name)
	if shape == nil {
		w.finish(ctx, key, s.source, problems)
		return nil
	}
	failed, err := w.ensure(ctx, key, s, mirror.Draft{Source: s.source, Desired: shape, Namespace: key.Namespace, Name: name})
	switch {
	case errors.Is(err, errSuperseded):
		return nil
	case failed == nil && err != nil:
		return err
	case w.stands(key, s.source.Mirrors.Resource, name):
		if failed != nil {
			problems = append(slices.Clone(problems), *failed)
		}
		others := slices.DeleteFunc(s.existing, func(r *mirror.Record) bool { return r.Name == name && r.Resource() == s.source.Mirrors.Resource })
		return cmp.Or(w.deleteStale(ctx, key, s, others, problems), err)
	case failed == nil: // it is on its way out; what comes after is decided when it has gone
		w.finish(ctx, key, s.source, problems)
		return nil
	}
	told, again := w.keepFormer(ctx, key, s, name, *failed)
	if errors.Is(again, errSuperseded) {
		return nil
	}
	w.finish(ctx, key, s.source, append(slices.Clone(problems), told...))
	return cmp.Or(err, again)
}

// stands reports whether the source has a mirror of that name in the namespace that isn't
// on its way out. Those of other names stay until it has.
func (w *mirrorWorker) stands(key mirror.MirrorKey, resource schema.GroupResource, name string) bool {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	return slices.ContainsFunc(w.cache.tables.owners.mirrors[key.Source][key.Namespace], func(r *mirror.Record) bool {
		return r.Name == name && r.Resource() == resource && !r.Terminating
	})
}

// ensure makes the one mirror that is to be there right. A problem is for the source's
// author; the error says whether to try again by ourselves.
func (w *mirrorWorker) ensure(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft) (*mirror.Problem, error) {
	o := object{d.Resource(), types.NamespacedName{Namespace: d.Namespace, Name: d.Name}}
	have, action, problem := w.decide(key, o, d, s)
	if action == unauthorized {
		refusal, err := w.authors.refusal(ctx, key, d.Source, s.mirrors)
		switch {
		case err != nil:
			return w.classifyError(ctx, key, "subjectaccessreview", err)
		case refusal != nil:
			return refusal, nil
		}
		s.authorized = true
		have, action, problem = w.decide(key, o, d, s)
	}
	if action == mirror.Read {
		whole, err := w.reader.read(ctx, s.mirrors, have)
		if err != nil {
			return w.classifyError(ctx, key, "get", err)
		}
		s.whole = whole
		have, action, problem = w.decide(key, o, d, s)
	}
	if problem != nil {
		return problem, nil
	}
	switch action {
	case mirror.Read, unauthorized: // it has changed again
		return nil, errStale
	case superseded:
		return nil, errSuperseded
	case mirror.None:
		return w.contestedProblem(key), nil
	}
	success := false
	defer func() { w.writeAnswered(key, success) }()
	if action == mirror.Create && d.Source.FailedIn(d.Namespace) {
		// It failed before, maybe before a restart: what is in the way is looked at
		// rather than written at (I3).
		if problem, err := w.existingObject(ctx, key, o, s.mirrors, d); problem != nil || err != nil {
			return problem, err
		}
	}
	switch err := w.execute(ctx, key, s, d, have, action); {
	case apierrors.IsConflict(err):
		return nil, w.reader.stale(ctx, s.mirrors, have)
	case err != nil:
		return w.classifyRefusal(ctx, key, o, s.mirrors, d, action, err)
	}
	success = true
	w.recordWrite(ctx, key, s, d, action)
	return w.contestedProblem(key), nil
}

// superseded is what is to be done where the source, or the namespace's word, has changed
// since the snapshot: nothing, for the source's finalizer may have gone, or the namespace
// refuse. The key is in the queue again.
const superseded mirror.Action = -1

// unauthorized stands for a write before which the source's author is to be asked about.
const unauthorized mirror.Action = -2

var errSuperseded = errors.New("the source or the namespace has changed since it was seen")

// decide compares what should be there with what is. A problem stands for an
// object that isn't this source's (I1), or one that is fought over (I9).
func (w *mirrorWorker) decide(key mirror.MirrorKey, o object, d mirror.Draft, s snapshot) (*mirror.Record, mirror.Action, *mirror.Problem) {
	for _, r := range s.existing {
		if r.Name == d.Name && r.Resource() == d.Resource() && r.State == mirror.ContentUnread {
			d.Desired.Cover(r.Fields) // before the lock is held
		}
	}
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t, of := w.cache.tables.of[d.Resource()], w.cache.tables.of[key.Source.Type]
	if t == nil || of == nil {
		return nil, mirror.None, nil // forgotten meanwhile
	}
	if !mirror.SameSpec(d.Source, of.sources[key.Source.NamespacedName()]) || w.intentNowLocked(key, of) != mirror.IntentPresent {
		w.cache.Mirrors.Add(key)
		return nil, superseded, nil
	}
	have := t.mirrors[o.at]
	if s.former && (have == nil || d.ClaimedBy(have, w.cache.tables.owners.recorded(have)) != nil) {
		return nil, mirror.None, nil // gone since; it was only to stay
	}
	if have != nil {
		if p := d.ClaimedBy(have, w.cache.tables.owners.recorded(have)); p != nil {
			w.cache.conflicts.wait(o, key)
			return nil, mirror.None, p
		}
	}
	if have == nil && w.cache.conflicts.isBlocked(o, time.Now()) {
		w.cache.conflicts.wait(o, key)
		p := mirror.ForeignObject(d.Source.Mirrors.Kind, d.Name)
		return nil, mirror.None, &p
	}
	if !s.former {
		w.cache.conflicts.stopWaiting(key)
	}
	action := mirror.Plan(d.Desired, have, t.accepted[o.at], d.Source.Generation > 0)
	if action == mirror.None {
		return have, mirror.None, nil
	}
	if !s.authorized && w.authors.concerns(action, have) {
		return have, unauthorized, nil
	}
	if p := w.backOffLocked(key, o, d.Desired.Intent(), action, s.drift); p != nil {
		return nil, mirror.None, p
	}
	if action == mirror.Read {
		return have, action, nil
	}
	w.cache.stateLocked(key.Source).inFlight++
	return have, action, nil
}

// execute issues the write.
func (w *mirrorWorker) execute(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft, have *mirror.Record, action mirror.Action) error {
	r, err := w.send(ctx, key, s, d, have, action)
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	t := w.cache.tables.of[d.Resource()]
	switch {
	case t == nil:
	case r != nil:
		w.cache.kept.drop(key)
		before := t.mirrors[r.Key()]
		t.recordAnswer(r, d)
		if t.isPassed(r) { // the answer took longer than a new list
			w.cache.Mirrors.AddAfter(key, confirmWithin)
		}
		w.cache.countMirror(t, before, t.mirrors[r.Key()])
		if src := w.cache.tables.source(key.Source); src != nil && !src.HasFinalizer() && !mirror.Older(src.ResourceVersion, w.cache.stateLocked(key.Source).lastPatch) {
			w.cache.Sources.Add(key.Source) // the finalizer comes with the first mirror
		}
	case have != nil && objectNotFound(err):
		w.cache.dropNotFoundLocked(t, have)
	}
	return err
}

// send is the request, or the two, that an action is.
func (w *mirrorWorker) send(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft, have *mirror.Record, action mirror.Action) (*mirror.Record, error) {
	if action == mirror.Create {
		return w.client.create(ctx, s.mirrors, d, w.keptFor(key))
	}
	have, theirs, err := w.client.theirs(ctx, s.mirrors, have, s.whole)
	if err != nil {
		return nil, err
	}
	if action == mirror.Recreate {
		return w.recreate(ctx, key, s.mirrors, d, have, theirs, nil)
	}
	r, err := w.client.replace(ctx, s.mirrors, d, have, theirs)
	if apierrors.IsInvalid(err) && d.Source.Recreate {
		return w.recreate(ctx, key, s.mirrors, d, have, theirs, err)
	}
	return r, err
}

// writeAnswered takes note that a write has been answered, or wasn't sent. Without a
// mirror that will be seen to come or go, nothing else would have a source looked
// at that has waited for the answer to be rid of its finalizer; nor one that has gone
// while its mirror was being made.
func (w *mirrorWorker) writeAnswered(key mirror.MirrorKey, success bool) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	st := w.cache.states[key.Source]
	if st == nil || st.inFlight == 0 {
		return
	}
	st.inFlight--
	t := w.cache.tables.of[key.Source.Type]
	if gone := t != nil && t.sources[key.Source.NamespacedName()] == nil; st.inFlight == 0 && (!success || gone) {
		w.cache.Sources.Add(key.Source)
	}
}

// recordWrite records a write that succeeded.
func (w *mirrorWorker) recordWrite(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft, action mirror.Action) {
	klog.FromContext(ctx).V(2).Info("Wrote a mirror", "action", action.String(), "mirror", klog.KRef(d.Namespace, d.Name), "kind", d.Source.Kind, "source", key.Source, "drift", s.drift)
	switch {
	case s.drift:
		w.cache.Metrics.DriftCorrected(mirror.TypeName(schema.FromAPIVersionAndKind(d.Source.APIVersion, d.Source.Kind)))
	case !s.since.IsZero():
		w.cache.Metrics.Propagated(time.Since(s.since))
	}
}
