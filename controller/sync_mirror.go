package controller

import (
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

// errAgain has a key tried again with backoff; why has been said already.
var errAgain = errors.New("to be tried again")

// errStale says that what we know is older than what the server has: its news is
// on the way to us.
var errStale = errors.New("the object has changed since it was seen")

// SyncMirror makes one namespace right for one source: it derives again what
// should be there, and issues at most one write. It is the mirror queue's worker;
// an error has the key tried again with backoff.
func (c *Controller) SyncMirror(ctx context.Context, key mirror.MirrorKey) error {
	start := time.Now()
	err := c.syncMirror(ctx, key)
	c.Metrics.Reconciled("mirror", result(err), time.Since(start))
	return err
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "success"
}

func (c *Controller) syncMirror(ctx context.Context, key mirror.MirrorKey) error {
	if !c.Settings.SourceAllowed(key.Source.Namespace) {
		return nil
	}
	s := c.snapshot(key)
	switch s.intent {
	case notSynced:
		return nil // Ready has it looked at again
	case sourceUnknown:
		return errStale
	case retain:
		c.finish(ctx, key, s.source, nil)
		return nil
	case consentUnclear:
		var problems []mirror.Problem
		if s.consent != "" {
			problems = append(problems, mirror.UnclearConsent(s.consent))
		}
		c.finish(ctx, key, s.source, problems)
		return nil
	case absent:
		return c.deleteStale(ctx, key, s, s.existing, nil)
	}
	name, problem := s.source.MirrorName(key.Namespace)
	if problem != nil {
		c.finish(ctx, key, s.source, []mirror.Problem{*problem})
		return nil
	}
	shape, problems := s.source.Desired(key.Namespace, name)
	if shape == nil {
		c.finish(ctx, key, s.source, problems)
		return nil
	}
	failed, err := c.ensure(ctx, key, s, mirror.Draft{Source: s.source, Desired: shape, Resource: s.resource.GroupResource(), Namespace: key.Namespace, Name: name})
	if failed != nil {
		c.finish(ctx, key, s.source, append(slices.Clone(problems), *failed))
		return err
	}
	switch {
	case errors.Is(err, errSuperseded):
		return nil
	case err != nil:
		return err
	}
	return c.deleteStale(ctx, key, s, slices.DeleteFunc(s.existing, func(r *mirror.Record) bool { return r.Name == name }), problems)
}

// ensure makes the one mirror that is to be there right. A problem is for the source's
// author; the error says whether to try again by ourselves.
func (c *Controller) ensure(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft) (*mirror.Problem, error) {
	o := object{key.Source.Type, types.NamespacedName{Namespace: d.Namespace, Name: d.Name}}
	have, action, problem := c.decide(key, o, d, s)
	if action == mirror.Read {
		whole, err := c.read(ctx, s.resource, have)
		if err != nil {
			return c.classifyError(ctx, "get", err)
		}
		s.whole = whole
		have, action, problem = c.decide(key, o, d, s)
	}
	if problem != nil {
		return problem, nil
	}
	switch action {
	case mirror.Read: // it has changed again
		return nil, errStale
	case superseded:
		return nil, errSuperseded
	case mirror.None:
		return c.contestedProblem(key), nil
	}
	success := false
	defer func() { c.writeAnswered(key, success) }()
	if action == mirror.Create && d.Source.FailedIn(d.Namespace) {
		// It failed before, maybe before a restart: what is in the way is looked at
		// rather than written at (I3).
		if problem, err := c.existingObject(ctx, key, o, s.resource, d); problem != nil || err != nil {
			return problem, err
		}
	}
	switch err := c.execute(ctx, key, s, d, have, action); {
	case apierrors.IsConflict(err):
		return nil, c.stale(ctx, key.Source, s.resource, have)
	case err != nil:
		return c.classifyRefusal(ctx, key, o, s.resource, d, action, err)
	}
	success = true
	c.recordWrite(ctx, key, s, d, action)
	return c.contestedProblem(key), nil
}

// superseded is what is to be done for a source that has changed since the snapshot:
// nothing, for its finalizer may have gone. The key is in the queue again.
const superseded mirror.Action = -1

var errSuperseded = errors.New("the source has changed since it was seen")

// decide compares what should be there with what is. A problem stands for an
// object that isn't this source's (I1), or one that is fought over (I9).
func (c *Controller) decide(key mirror.MirrorKey, o object, d mirror.Draft, s snapshot) (*mirror.Record, mirror.Action, *mirror.Problem) {
	for _, r := range s.existing {
		if r.Name == d.Name && r.State == mirror.ContentUnread {
			d.Desired.Cover(r.Fields) // before the lock is held
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	if t == nil {
		return nil, mirror.None, nil // forgotten meanwhile
	}
	if !mirror.SameSpec(d.Source, t.sources[key.Source.NamespacedName()]) {
		c.Mirrors.Add(key)
		return nil, superseded, nil
	}
	have := t.mirrors[o.at]
	if have != nil {
		if p := t.claimedBy(have, d); p != nil {
			c.conflicts.wait(o, key)
			return nil, mirror.None, p
		}
	}
	if have == nil && c.conflicts.isBlocked(o, time.Now()) {
		c.conflicts.wait(o, key)
		p := mirror.ForeignObject(d.Source.Kind, d.Name)
		return nil, mirror.None, &p
	}
	c.conflicts.stopWaiting(key)
	action := mirror.Plan(d.Desired, have, t.accepted[o.at], d.Source.Generation > 0)
	if action == mirror.None {
		return have, mirror.None, nil
	}
	if p := c.backOffLocked(key, o, d.Desired.Intent(), action, s.drift); p != nil {
		return nil, mirror.None, p
	}
	if action == mirror.Read {
		return have, action, nil
	}
	c.stateLocked(key.Source).inFlight++
	return have, action, nil
}

// claimedBy says what is in the place of a mirror if that is another's, or nobody's that
// we may change: nil where it is the source's own, or may be taken over (I1).
func (t *table) claimedBy(have *mirror.Record, d mirror.Draft) *mirror.Problem {
	p := mirror.ForeignObject(d.Source.Kind, d.Name)
	switch owner := t.ownerOf(have); {
	case have.Standing == mirror.Adoptable && have.Names(d.Source), have.Standing.IsMirror() && owner == d.Source.Key():
		return nil
	case have.Standing.IsMirror() && owner.Name != "":
		p = mirror.NameTaken(d.Source.Kind, d.Name, owner.String())
	}
	return &p
}

// execute issues the write.
func (c *Controller) execute(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft, have *mirror.Record, action mirror.Action) error {
	r, err := c.send(ctx, key, s, d, have, action)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	switch {
	case t == nil:
	case r != nil:
		delete(c.kept, key)
		before := t.mirrors[r.Key()]
		t.recordAnswer(r, d)
		c.countMirror(t, before, t.mirrors[r.Key()])
		if src := t.sources[key.Source.NamespacedName()]; src != nil && !src.HasFinalizer() && !mirror.Older(src.ResourceVersion, c.stateLocked(key.Source).lastPatch) {
			c.Sources.Add(key.Source) // the finalizer comes with the first mirror
		}
	case have != nil && objectNotFound(err):
		c.dropNotFoundLocked(t, have)
	}
	return err
}

// send is the request, or the two, that an action is.
func (c *Controller) send(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft, have *mirror.Record, action mirror.Action) (*mirror.Record, error) {
	if action == mirror.Create {
		return c.client.create(ctx, s.resource, d, c.keptFor(key))
	}
	have, theirs, err := c.client.theirs(ctx, s.resource, have, s.whole)
	if err != nil {
		return nil, err
	}
	if action == mirror.Recreate {
		return c.recreate(ctx, key, s.resource, d, have, theirs, nil)
	}
	r, err := c.client.replace(ctx, s.resource, d, have, theirs)
	if apierrors.IsInvalid(err) && d.Source.Recreate {
		return c.recreate(ctx, key, s.resource, d, have, theirs, err)
	}
	return r, err
}

// writeAnswered takes note that a write has been answered, or wasn't sent. Without a
// mirror that will be seen to come or go, nothing else would have a source looked
// at that has waited for the answer to be rid of its finalizer; nor one that has gone
// while its mirror was being made.
func (c *Controller) writeAnswered(key mirror.MirrorKey, success bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.states[key.Source]
	if st == nil || st.inFlight == 0 {
		return
	}
	st.inFlight--
	t := c.tables[key.Source.Type]
	if gone := t != nil && t.sources[key.Source.NamespacedName()] == nil; st.inFlight == 0 && (!success || gone) {
		c.Sources.Add(key.Source)
	}
}

// recordWrite records a write that succeeded.
func (c *Controller) recordWrite(ctx context.Context, key mirror.MirrorKey, s snapshot, d mirror.Draft, action mirror.Action) {
	klog.FromContext(ctx).V(2).Info("Wrote a mirror", "action", action.String(), "mirror", klog.KRef(d.Namespace, d.Name), "kind", d.Source.Kind, "source", key.Source, "drift", s.drift)
	switch {
	case s.drift:
		c.Metrics.DriftCorrected(mirror.TypeName(schema.FromAPIVersionAndKind(d.Source.APIVersion, d.Source.Kind)))
	case !s.since.IsZero():
		c.Metrics.Propagated(time.Since(s.since))
	}
}

// classifyError sorts the ways in which a write can fail: a problem for people, or
// nothing to speak of.
func (c *Controller) classifyError(ctx context.Context, verb string, err error) (*mirror.Problem, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case mirror.NamespaceGoing(err), mirror.KindGoing(err):
		return nil, nil
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		c.Metrics.SyncError("mirror", "conflict")
		return nil, errStale
	}
	p := mirror.WriteProblem(verb, err)
	c.Metrics.SyncError("mirror", p.Reason)
	return &p, errAgain
}
