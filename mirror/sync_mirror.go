package mirror

import (
	"context"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// errAgain has a key tried again with backoff; why has been said already.
var errAgain = errors.New("to be tried again")

// errStale says that what we know is older than what the server has: its news is
// on the way to us.
var errStale = errors.New("the object has changed since it was seen")

// SyncMirror makes one namespace right for one source: it derives again what
// should be there, and issues at most one write. It is the mirror queue's worker;
// an error has the key tried again with backoff.
func (c *Controller) SyncMirror(ctx context.Context, key MirrorKey) error {
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

func (c *Controller) syncMirror(ctx context.Context, key MirrorKey) error {
	if !c.Settings.sourceAllowed(key.Source.Namespace) {
		return nil
	}
	s := c.scene(key)
	switch s.wish {
	case nothing:
		return nil // Ready has it looked at again
	case unknown:
		return errStale
	case keep:
		c.settle(ctx, key, s.source, nil)
		return nil
	case unsure:
		var problems []Problem
		if s.consent != "" {
			problems = append(problems, unclearConsent(s.consent))
		}
		c.settle(ctx, key, s.source, problems)
		return nil
	case gone:
		return c.clear(ctx, key, s, s.has, nil)
	}
	name, problem := s.source.name(key.Namespace)
	if problem != nil {
		c.settle(ctx, key, s.source, []Problem{*problem})
		return nil
	}
	shape, problems := s.source.Shape(key.Namespace, name)
	if shape == nil {
		c.settle(ctx, key, s.source, problems)
		return nil
	}
	failed, err := c.put(ctx, key, s, draft{s.source, shape, s.resource.GroupResource(), key.Namespace, name})
	if failed != nil {
		c.settle(ctx, key, s.source, append(slices.Clone(problems), *failed))
		return err
	}
	if err != nil {
		return err
	}
	return c.clear(ctx, key, s, slices.DeleteFunc(s.has, func(r *Record) bool { return r.Name == name }), problems)
}

// put makes the one mirror that is to be there right. A problem is for the source's
// author; the error says whether to try again by ourselves.
func (c *Controller) put(ctx context.Context, key MirrorKey, s scene, d draft) (*Problem, error) {
	o := object{key.Source.Type, types.NamespacedName{Namespace: d.namespace, Name: d.name}}
	have, action, problem := c.decide(key, o, d, s)
	if action == Read {
		if err := c.read(ctx, s.resource, have); err != nil {
			return c.judge(ctx, "get", err)
		}
		have, action, problem = c.decide(key, o, d, s)
	}
	if problem != nil {
		return problem, nil
	}
	switch action {
	case Read: // it has changed again
		return nil, errStale
	case None:
		return c.calmed(key), nil
	}
	if action == Create && d.source.failedIn(d.namespace) {
		// It failed before, maybe before a restart: what is in the way is looked at
		// rather than written at (I3).
		if problem, err := c.inTheWay(ctx, key, o, s.resource, d); problem != nil || err != nil {
			c.answered(key, false)
			return problem, err
		}
	}
	if err := c.act(ctx, key, s, d, have, action); err != nil {
		return c.explain(ctx, key, o, s.resource, d, action, err)
	}
	c.written(ctx, key, s, d, action)
	return c.calmed(key), nil
}

// decide compares what should be there with what is. A problem stands for an
// object that isn't this source's (I1), or one that is fought over (I9).
func (c *Controller) decide(key MirrorKey, o object, d draft, s scene) (*Record, Action, *Problem) {
	for _, r := range s.has {
		if r.Name == d.name && r.state == contentUnread {
			d.shape.cover(r.fields) // before the lock is held
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	if t == nil {
		return nil, None, nil // forgotten meanwhile
	}
	have := t.mirrors[o.at]
	if have != nil {
		if p := t.others(have, d); p != nil {
			c.conflicts.wait(o, key)
			return nil, None, p
		}
	}
	if have == nil && c.conflicts.isBlocked(o, time.Now()) {
		c.conflicts.wait(o, key)
		p := foreignObject(d.source.Kind, d.name)
		return nil, None, &p
	}
	c.conflicts.settled(key)
	action := plan(d.shape, have, t.forms[o.at], d.source.Generation > 0)
	if action == None {
		return have, None, nil
	}
	if p := c.hold(key, o, d.shape.intent(), action, s.drift); p != nil {
		return nil, None, p
	}
	if action == Read {
		return have, action, nil
	}
	c.state(key.Source).writing++
	return have, action, nil
}

// others says what is in the place of a mirror if that is another's, or nobody's that
// we may change: nil where it is the source's own, or may be taken over (I1).
func (t *table) others(have *Record, d draft) *Problem {
	p := foreignObject(d.source.Kind, d.name)
	switch owner := t.ownerOf(have); {
	case have.Standing == Adoptable && have.names(d.source), have.Standing.IsMirror() && owner == d.source.key():
		return nil
	case have.Standing.IsMirror() && owner.Name != "":
		p = nameTaken(d.source.Kind, d.name, owner.String())
	}
	return &p
}

// act issues the write.
func (c *Controller) act(ctx context.Context, key MirrorKey, s scene, d draft, have *Record, action Action) (err error) {
	defer func() { c.answered(key, err == nil) }()
	r, err := c.send(ctx, key, s, d, have, action)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	switch {
	case t == nil:
	case r != nil:
		delete(c.kept, key)
		before := t.mirrors[r.key()]
		t.answered(r, d)
		c.counted(t, before, t.mirrors[r.key()])
		if src := t.sources[key.Source.name()]; src != nil && !src.hasFinalizer() && !older(src.ResourceVersion, c.state(key.Source).wrote) {
			c.Sources.Add(key.Source) // the finalizer comes with the first mirror
		}
	case have != nil && objectNotFound(err):
		if t.lost(have) {
			c.counted(t, have, nil)
		}
	}
	return err
}

// send is the request, or the two, that an action is.
func (c *Controller) send(ctx context.Context, key MirrorKey, s scene, d draft, have *Record, action Action) (*Record, error) {
	if action == Create {
		return c.create(ctx, s.resource, d, c.keptFor(key))
	}
	theirs, err := c.theirs(ctx, s.resource, have)
	if err != nil {
		return nil, err
	}
	if action == Recreate {
		return c.recreate(ctx, key, s.resource, d, have, theirs, nil)
	}
	r, err := c.replace(ctx, s.resource, d, have, theirs)
	if apierrors.IsInvalid(err) && d.source.Recreate {
		return c.recreate(ctx, key, s.resource, d, have, theirs, err)
	}
	return r, err
}

// answered takes note that a write has been answered, or wasn't sent. Without a
// mirror that will be seen to come or go, nothing else would have a source looked
// at that has waited for the answer to be rid of its finalizer; nor one that has gone
// while its mirror was being made.
func (c *Controller) answered(key MirrorKey, success bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.states[key.Source]
	if st == nil || st.writing == 0 {
		return
	}
	st.writing--
	t := c.tables[key.Source.Type]
	if gone := t != nil && t.sources[key.Source.name()] == nil; st.writing == 0 && (!success || gone) {
		c.Sources.Add(key.Source)
	}
}

// written takes note of a write that succeeded.
func (c *Controller) written(ctx context.Context, key MirrorKey, s scene, d draft, action Action) {
	klog.FromContext(ctx).V(2).Info("Wrote a mirror", "action", action.String(), "mirror", klog.KRef(d.namespace, d.name), "kind", d.source.Kind, "source", key.Source, "drift", s.drift)
	switch {
	case s.drift:
		c.Metrics.DriftCorrected(typeName(schema.FromAPIVersionAndKind(d.source.APIVersion, d.source.Kind)))
	case !s.since.IsZero():
		c.Metrics.Propagated(time.Since(s.since))
	}
}

// judge sorts the ways in which a write can fail: a problem for people, or
// nothing to speak of.
func (c *Controller) judge(ctx context.Context, verb string, err error) (*Problem, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case namespaceGoing(err), kindGoing(err):
		return nil, nil
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		c.Metrics.SyncError("mirror", "conflict")
		return nil, errStale
	}
	p := writeProblem(verb, err)
	c.Metrics.SyncError("mirror", p.Reason)
	return &p, errAgain
}
