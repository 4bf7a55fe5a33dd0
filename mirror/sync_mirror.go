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
	unknown wish = iota // nothing can be told yet
	keep                // whatever is there stays as it is
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
	// drift says that only a change of a mirror has led here.
	drift bool
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
		drift:    st.pending[key.Namespace],
	}
	s.wish = c.wish(s.source, st, c.namespaces[key.Namespace], t.bySource[key.Source.name()], key)
	if s.wish != there {
		c.conflicts.settled(key)
	}
	if s.source == nil && !st.absent {
		c.Sources.Add(key.Source) // finds out whether it is gone (I5)
	}
	return s
}

// wish is the pure heart of it: what a source wants in a namespace, now.
func (c *Controller) wish(src *Source, st *state, ns *Namespace, has map[string][]*Record, key MirrorKey) wish {
	switch {
	case src == nil && !st.absent:
		return unknown
	case src == nil, src.Deleting, src.Mode == Off, src.Mode == Refused:
		return gone
	case ns == nil, ns.Terminating:
		return keep // its content goes with it
	case !ns.admits(src.Namespace):
		return gone // whatever the source asks for
	case src.Mode != On:
		return keep
	case st.wants(key.Namespace, src.limit(&c.Settings), has):
		return there
	}
	return gone
}

func (c *Controller) syncMirror(ctx context.Context, key MirrorKey) error {
	s := c.scene(key)
	switch s.wish {
	case unknown:
		return nil
	case keep:
		c.settle(key, nil)
		return nil
	case gone:
		return c.clear(ctx, key, s, s.has)
	}
	name, err := s.source.name(key.Namespace)
	if err != nil {
		c.settle(key, []Problem{{Reason: reasonInvalid, Text: err.Error(), Failed: true}})
		return nil
	}
	shape, problems := s.source.Shape(key.Namespace, name)
	if shape == nil {
		c.settle(key, problems)
		return nil
	}
	failed, err := c.put(ctx, key, s, draft{s.source, shape, key.Namespace, name})
	if failed != nil {
		c.settle(key, append(problems, *failed))
		return err
	}
	if err != nil {
		return err
	}
	strays := slices.DeleteFunc(s.has, func(r *Record) bool { return r.Name == name })
	if len(strays) > 0 {
		return c.clear(ctx, key, s, strays)
	}
	c.settle(key, problems)
	return nil
}

// clear deletes mirrors that are to be there no more.
func (c *Controller) clear(ctx context.Context, key MirrorKey, s scene, records []*Record) error {
	for _, r := range records {
		if r.Terminating {
			continue
		}
		if err := c.delete(ctx, s.resource, r); err != nil {
			return c.failed(ctx, key, "delete", err)
		}
		klog.FromContext(ctx).V(2).Info("Deleted a mirror", "mirror", klog.KObj(r.GetObjectMeta()), "type", r.Type, "source", key.Source)
		c.mu.Lock()
		if t := c.tables[key.Source.Type]; t != nil {
			t.deleting(r)
		}
		c.mu.Unlock()
	}
	c.settle(key, nil)
	return nil
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
		return c.calmed(key, o), nil
	}
	if action == Create && d.source.failedIn(d.namespace) {
		// It failed before, maybe before a restart: what is in the way is looked at
		// rather than written at (I3).
		if problem, err := c.inTheWay(ctx, key, o, s.resource, d); problem != nil || err != nil {
			c.created(key)
			return problem, err
		}
	}
	if err := c.act(ctx, key, s, d, have, action); err != nil {
		return c.explain(ctx, key, o, s.resource, d, action, err)
	}
	c.written(ctx, key, s, d, action)
	return c.calmed(key, o), nil
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
	if have != nil && !have.of(key.Source.name(), d.source.UID) {
		c.conflicts.wait(o, key)
		p := foreignObject(d.source.Kind, d.name)
		if have.Source.Name != "" {
			p = nameTaken(d.source.Kind, d.name, have.Source.String())
		}
		return nil, None, &p
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
	if pause := c.fights.wait(o, d.shape.Content); pause > 0 {
		c.Mirrors.AddAfter(key, pause)
		p := contested()
		return nil, None, &p
	}
	if drift {
		c.fights.wrote(o, d.shape.Content)
	}
	if action == Create {
		c.state(key.Source).creating++
	}
	return have, action, nil
}

// act issues the write.
func (c *Controller) act(ctx context.Context, key MirrorKey, s scene, d draft, have *Record, action Action) (err error) {
	var r *Record
	switch action {
	case Create:
		r, err = c.create(ctx, s.resource, d)
	case Replace:
		r, err = c.replace(ctx, s.resource, d, have)
		if apierrors.IsInvalid(err) && d.source.Recreate {
			r, err = c.recreate(ctx, s.resource, d, have, err)
		}
	case Recreate:
		r, err = c.recreate(ctx, s.resource, d, have, nil)
	}
	if action == Create {
		defer c.created(key)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[key.Source.Type]; t != nil && r != nil {
		if before, _ := t.set(r); before == nil {
			c.Metrics.MirrorAdded(r.Namespace, r.Type)
		}
		delete(t.forms, r.key())
		if !inSync(d.shape, r, d.source.Generation > 0) {
			t.forms[r.key()] = newForm(d.shape, r)
		}
		if t.sources[key.Source.name()] != d.source {
			// It changed or went while we wrote, and nothing else would tell: the echo
			// of this write is no news.
			c.Mirrors.Add(key)
		}
	}
	return err
}

// created takes note that a create has been answered, or wasn't sent.
func (c *Controller) created(key MirrorKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.states[key.Source]; st != nil && st.creating > 0 {
		st.creating--
	}
}

// recreate deletes and creates, for content that the server takes in no other way;
// refusal is what it said to the attempt to replace it.
func (c *Controller) recreate(ctx context.Context, t schema.GroupVersionResource, d draft, have *Record, refusal error) (*Record, error) {
	if !c.recreatable(ctx, t, d) {
		if refusal == nil {
			_, refusal = c.replace(ctx, t, d, have)
		}
		return nil, refusal
	}
	if err := c.delete(ctx, t, have); err != nil {
		return nil, err
	}
	return c.create(ctx, t, d)
}

// written takes note of a write that succeeded.
func (c *Controller) written(ctx context.Context, key MirrorKey, s scene, d draft, action Action) {
	klog.FromContext(ctx).V(2).Info("Wrote a mirror", "action", action.String(), "mirror", klog.KRef(d.namespace, d.name), "kind", d.source.Kind, "source", key.Source, "drift", s.drift)
	if !s.drift {
		c.Metrics.Propagated(time.Since(d.source.Seen))
		return
	}
	c.Metrics.DriftCorrected(typeName(schema.FromAPIVersionAndKind(d.source.APIVersion, d.source.Kind)))
}

// calmed keeps a mirror that is fought over among the problems until it has been
// left alone for a while; otherwise its status would change with every blow.
func (c *Controller) calmed(key MirrorKey, o object) *Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	fought, until := c.fights.contested(o)
	if !fought {
		return nil
	}
	c.Mirrors.AddAfter(key, until)
	p := contested()
	return &p
}

// failed settles a delete that the server didn't take, and has it tried again.
func (c *Controller) failed(ctx context.Context, key MirrorKey, verb string, err error) error {
	problem, again := c.judge(ctx, verb, err)
	switch {
	case problem != nil:
		c.settle(key, []Problem{*problem})
	case again == nil:
		c.settle(key, nil)
	}
	return again
}

// judge sorts the ways in which a write can fail: a problem for people, or
// nothing to speak of.
func (c *Controller) judge(ctx context.Context, verb string, err error) (*Problem, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case namespaceGoing(err):
		return nil, nil
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		c.Metrics.SyncError("mirror", "conflict")
		return nil, errStale
	}
	p := writeProblem(verb, err)
	c.Metrics.SyncError("mirror", p.Reason)
	return &p, errAgain
}
