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

// wish is what a source has to say about a namespace.
type wish int

const (
	nothing wish = iota // the type isn't known, or not yet
	unknown             // whether the source is gone, is to be found out
	keep                // whatever is there stays as it is
	unsure              // whatever is there stays, since the namespace's word can't be read
	gone                // no mirror is to be there
	there               // a mirror is to be there
)

// scene is what is known when one namespace of a source is looked at.
type scene struct {
	resource schema.GroupVersionResource
	source   *Source
	wish     wish
	// has are the source's mirrors in the namespace.
	has []*Record
	// drift says that only a change of a mirror has led here; otherwise since is when
	// this look became due.
	drift bool
	since time.Time
	// consent says what of the namespace can't be read, where that is why its mirrors
	// stay as they are; cause says why a mirror is to go, where its source's author
	// didn't ask for that.
	consent, cause string
}

func (c *Controller) scene(key MirrorKey) scene {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	if t == nil || !t.ready {
		return scene{}
	}
	st := c.state(key.Source)
	s := scene{
		resource: t.resource,
		source:   t.sources[key.Source.name()],
		has:      slices.Clone(t.bySource[key.Source.name()][key.Namespace]),
		since:    st.pending[key.Namespace],
	}
	s.drift = s.since.IsZero() && st.drifting[key.Namespace]
	s.wish = c.wish(s.source, st, c.namespaces[key.Namespace], t.bySource[key.Source.name()], key)
	if s.wish != there {
		c.conflicts.settled(key)
	}
	switch s.wish {
	case unknown:
		c.Sources.Add(key.Source) // finds out whether it is gone (I5)
	case unsure:
		if len(s.has) > 0 || s.source.Targets.asksByName(key.Namespace) {
			s.consent = c.namespaces[key.Namespace].Unreadable
		}
	case gone:
		delete(c.kept, key)
		s.cause = c.cause(s.source, st, c.namespaces[key.Namespace])
		if s.source == nil && len(s.has) == 0 {
			c.Sources.Add(key.Source) // to be forgotten, once nothing is left
		}
	}
	return s
}

// cause is why there is to be no mirror, where it isn't the source's own doing. The
// lock is held.
func (c *Controller) cause(src *Source, st *state, ns *Namespace) string {
	switch {
	case src == nil && !st.deselected:
		return "its source is gone"
	case src == nil, src.Deleting, src.Mode < Stopped, ns == nil:
	case ns.consent(src.Namespace) == refuses:
		return "the namespace refuses mirrors of sources in " + src.Namespace
	case !c.Settings.targetAllowed(ns.Name) && src.Targets.Match(ns):
		return "the controller's flags leave the namespace out"
	case st.asked[ns.Name] && src.limit(&c.Settings) != src.MaxTargets:
		return "it is over the maximum targets of the controller"
	}
	return ""
}

// wish is what a source wants in a namespace, now. The lock is held.
func (c *Controller) wish(src *Source, st *state, ns *Namespace, has map[string][]*Record, key MirrorKey) wish {
	switch {
	case src == nil && len(has[key.Namespace]) > 0 && !st.isAbsent():
		return unknown
	case src == nil, src.Deleting, src.Mode == Off, src.Mode == Refused:
		return gone
	case ns == nil, ns.Terminating:
		return keep // its content goes with it
	case ns.consent(src.Namespace) == refuses:
		return gone // whatever the source asks for
	case ns.consent(src.Namespace) == unclear:
		return unsure
	case src.Mode != On:
		return keep
	case st.wants(key.Namespace, src.limit(&c.Settings), has):
		return there
	}
	return gone
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

// clear deletes mirrors that are to be there no more, and settles the look, which
// has had these problems otherwise.
func (c *Controller) clear(ctx context.Context, key MirrorKey, s scene, records []*Record, problems []Problem) error {
	problems = slices.Clone(problems)
	for _, r := range records {
		if r.Terminating {
			continue
		}
		o := object{key.Source.Type, r.key()}
		if !c.mayDelete(key, o, r) {
			continue
		}
		err := c.delete(ctx, s.resource, r)
		c.deleted(key, r, err)
		if err == nil || objectNotFound(err) {
			c.tellDeleted(ctx, key, s, r)
			continue
		}
		problem, again := c.judge(ctx, "delete", err)
		if problem != nil {
			c.settle(ctx, key, s.source, append(problems, *problem))
		}
		if again != nil {
			return again
		}
	}
	if fought := c.calmed(key); fought != nil && s.wish == gone {
		problems = append(problems, *fought)
	}
	c.settle(ctx, key, s.source, problems)
	return nil
}

// mayDelete reports whether a mirror may be deleted now, and notes that it is about
// to be. Where somebody makes it again and again, the key comes back later (I9).
func (c *Controller) mayDelete(key MirrorKey, o object, r *Record) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pause := c.fights.wait(o, deletion); pause > 0 {
		c.contested[key] = o
		c.Mirrors.AddAfter(key, pause)
		return false
	}
	if t := c.tables[key.Source.Type]; t != nil {
		t.delete(r, true)
	}
	return true
}

// deleted takes note of how the server answered to the deletion of a mirror.
func (c *Controller) deleted(key MirrorKey, r *Record, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := object{key.Source.Type, r.key()}
	t := c.tables[key.Source.Type]
	switch {
	case t == nil:
	case err == nil:
		c.fights.wrote(o, deletion)
		if fought, _ := c.fights.contested(o); fought {
			c.contested[key] = o
		}
		t.deleting(r)
	case objectNotFound(err):
		if t.lost(r) {
			c.counted(r, nil)
		}
	default:
		t.delete(r, false)
	}
}

// put makes the one mirror that is to be there right. A problem is for the source's
// author; the error says whether to try again by ourselves.
func (c *Controller) put(ctx context.Context, key MirrorKey, s scene, d draft) (*Problem, error) {
	o := object{key.Source.Type, types.NamespacedName{Namespace: d.namespace, Name: d.name}}
	have, action, problem := c.decide(key, o, d, s.drift)
	if problem != nil {
		return problem, nil
	}
	if action == None {
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
func (c *Controller) decide(key MirrorKey, o object, d draft, drift bool) (*Record, Action, *Problem) {
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
	if p := c.hold(key, o, d.shape.intent(), action, drift); p != nil {
		return nil, None, p
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
	var r *Record
	switch action {
	case Create:
		r, err = c.create(ctx, s.resource, d, c.keptFor(key))
	case Replace:
		r, err = c.replace(ctx, s.resource, d, have)
		if apierrors.IsInvalid(err) && d.source.Recreate {
			r, err = c.recreate(ctx, key, s.resource, d, have, err)
		}
	case Recreate:
		r, err = c.recreate(ctx, key, s.resource, d, have, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	switch {
	case t == nil:
	case r != nil:
		delete(c.kept, key)
		before := t.mirrors[r.key()]
		t.answered(r)
		c.counted(before, t.mirrors[r.key()])
		if src := t.sources[key.Source.name()]; src != nil && !src.hasFinalizer() && !older(src.ResourceVersion, c.state(key.Source).wrote) {
			c.Sources.Add(key.Source) // the finalizer comes with the first mirror
		}
	case have != nil && objectNotFound(err):
		if t.lost(have) {
			c.counted(have, nil)
		}
	}
	return err
}

// keptFor is what others had put into a mirror that was deleted to be made anew.
func (c *Controller) keptFor(key MirrorKey) *foreign {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[key]
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

// recreate deletes and creates, for content that the server takes in no other way;
// refusal is what it said to the attempt to replace it. What others had put there
// comes along, if only with the next try.
func (c *Controller) recreate(ctx context.Context, key MirrorKey, t schema.GroupVersionResource, d draft, have *Record, refusal error) (*Record, error) {
	if err := c.tryCreate(ctx, t, d); err != nil {
		if refusal == nil {
			_, refusal = c.replace(ctx, t, d, have)
		}
		if apierrors.IsForbidden(err) {
			refusal = err // a quota that is full, say: what is to be mended first
		}
		return nil, refusal
	}
	c.keep(key, have)
	if err := c.delete(ctx, t, have); err != nil && !objectNotFound(err) {
		return nil, err
	}
	return c.create(ctx, t, d, have.foreign)
}

// keep notes what others have put into a mirror that we delete to make it anew.
func (c *Controller) keep(key MirrorKey, have *Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[key.Source.Type]; t != nil {
		t.delete(have, true)
		c.kept[key] = have.foreign
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

// calmed keeps a mirror that is fought over among the problems until it has been
// left alone for a while; otherwise its status would change with every blow.
func (c *Controller) calmed(key MirrorKey) *Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, was := c.contested[key]
	if !was {
		return nil
	}
	fought, until := c.fights.contested(o)
	if !fought {
		delete(c.contested, key)
		return nil
	}
	c.Mirrors.AddAfter(key, until)
	p := c.fights.problem(o)
	return &p
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
