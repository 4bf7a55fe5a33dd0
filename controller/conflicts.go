package controller

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// maxWatched bounds the number of foreign objects that are watched one by one, maxWatchedBy
// of those that are in the way of one namespace's sources, or lie in one namespace: each of
// the two may be somebody's doing. Those beyond are tried again after a while.
const (
	maxWatched     = 100
	maxWatchedBy   = maxWatched / 4
	unwatchedRetry = 5 * time.Minute
)

// account is a namespace on whose account a foreign object is watched: because it lies
// there, or because it is in the way of the sources there.
type account struct {
	namespace string
	sources   bool
}

// conflicts has the mirrors that can't be because something else is in their
// place, and watches for that to go. The cache's lock guards it.
type conflicts struct {
	// waiting has who waits for each object's name; waitsFor is the same the other
	// way round.
	waiting  map[object]map[mirror.MirrorKey]bool
	waitsFor map[mirror.MirrorKey]object
	// blocked has the objects that are known to be in the way and no mirrors, so that
	// nobody tries in vain.
	blocked map[object]*blocker
	// watched is how many of them are watched, by account that of each.
	watched   int
	byAccount map[account]int
}

func newConflicts() *conflicts {
	return &conflicts{waiting: map[object]map[mirror.MirrorKey]bool{}, waitsFor: map[mirror.MirrorKey]object{}, blocked: map[object]*blocker{}, byAccount: map[account]int{}}
}

// wait has a mirror wait for an object's name; it waits for one at a time.
func (c *conflicts) wait(o object, key mirror.MirrorKey) {
	if c.waitsFor[key] != o {
		c.stopWaiting(key)
	}
	if c.waiting[o] == nil {
		c.waiting[o] = map[mirror.MirrorKey]bool{}
	}
	c.waiting[o][key] = true
	c.waitsFor[key] = o
}

// stopWaiting ends a mirror's waiting, and the watch of what nobody waits for any more.
func (c *conflicts) stopWaiting(key mirror.MirrorKey) {
	o, waits := c.waitsFor[key]
	if !waits {
		return
	}
	delete(c.waitsFor, key)
	if delete(c.waiting[o], key); len(c.waiting[o]) == 0 {
		delete(c.waiting, o)
		c.unblock(o)
	}
}

// blocker is a foreign object in the way: watched until it goes, or beyond the
// bound taken for there until a moment.
type blocker struct {
	unwatch context.CancelFunc
	payers  [2]account
	until   time.Time
}

// mayWatch reports whether one more object may be watched on these accounts.
func (c *conflicts) mayWatch(payers [2]account) bool {
	return c.watched < maxWatched && c.byAccount[payers[0]] < maxWatchedBy && c.byAccount[payers[1]] < maxWatchedBy
}

// watch notes that an object is watched.
func (c *conflicts) watch(o object, payers [2]account, unwatch context.CancelFunc) {
	c.blocked[o] = &blocker{unwatch: unwatch, payers: payers}
	c.watched++
	for _, payer := range payers {
		c.byAccount[payer]++
	}
}

func (c *conflicts) isBlocked(o object, now time.Time) bool {
	b := c.blocked[o]
	if b != nil && b.unwatch == nil && !now.Before(b.until) {
		delete(c.blocked, o)
		return false
	}
	return b != nil
}

func (c *conflicts) unblock(o object) {
	b := c.blocked[o]
	delete(c.blocked, o)
	if b != nil && b.unwatch != nil {
		b.unwatch()
		c.watched--
		for _, payer := range b.payers {
			if c.byAccount[payer]--; c.byAccount[payer] == 0 {
				delete(c.byAccount, payer)
			}
		}
	}
}

// abandoned ends all waiting for the mirrors of a source.
func (c *conflicts) abandoned(source mirror.SourceKey) {
	for key := range c.waitsFor {
		if key.Source == source {
			c.stopWaiting(key)
		}
	}
}

// forget ends all waiting for objects of a type, and that of its sources.
func (c *conflicts) forget(kind schema.GroupResource) {
	for key, o := range c.waitsFor {
		if o.kind == kind || key.Source.Type == kind {
			c.stopWaiting(key)
		}
	}
}

// block records a foreign object in the way of a mirror, and has it watched,
// so that its removal is seen without asking again and again.
func (w *mirrorWorker) block(ctx context.Context, o object, key mirror.MirrorKey, resource schema.GroupVersionResource) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	w.cache.conflicts.wait(o, key)
	payers := [2]account{{key.Source.Namespace, true}, {o.at.Namespace, false}}
	switch b := w.cache.conflicts.blocked[o]; {
	case b != nil && b.unwatch == nil:
		w.cache.Mirrors.AddAfter(key, time.Until(b.until))
	case b != nil:
	case !w.cache.conflicts.mayWatch(payers):
		w.cache.conflicts.blocked[o] = &blocker{until: time.Now().Add(unwatchedRetry)}
		w.cache.Mirrors.AddAfter(key, unwatchedRetry)
	default:
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		w.cache.conflicts.watch(o, payers, cancel)
		go w.watchObject(ctx, resource, o.at.Namespace, o.at.Name, func() { w.unblocked(o) })
	}
}

// unblocked takes in that what was in the way is there no more.
func (w *mirrorWorker) unblocked(o object) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	w.cache.conflicts.unblock(o)
	for key := range w.cache.conflicts.waiting[o] {
		w.cache.Mirrors.Add(key)
	}
}

// classifyRefusal finds out why a write failed.
func (w *mirrorWorker) classifyRefusal(ctx context.Context, key mirror.MirrorKey, o object, t schema.GroupVersionResource, d mirror.Draft, action mirror.Action, err error) (*mirror.Problem, error) {
	if !apierrors.IsAlreadyExists(err) {
		return w.classifyError(ctx, key, action.String(), err)
	}
	problem, err := w.existingObject(ctx, key, o, t, d)
	if problem == nil && err == nil {
		err = errStale // it has gone since
	}
	return problem, err
}

// existingObject looks at what is in the place of a mirror that we know nothing of.
func (w *mirrorWorker) existingObject(ctx context.Context, key mirror.MirrorKey, o object, t schema.GroupVersionResource, d mirror.Draft) (*mirror.Problem, error) {
	live, err := w.client.get(ctx, t, d.Namespace, d.Name)
	switch {
	case objectNotFound(err):
		return nil, nil
	case err != nil:
		return w.classifyError(ctx, key, "get", err)
	case mirror.StandingOf(o.kind, live) != mirror.Foreign:
		return nil, errStale // the informer is about to tell of it
	}
	w.cache.Metrics.SyncError("mirror", mirror.ReasonForeign)
	w.block(ctx, o, key, t)
	p := mirror.ForeignObject(d.Source.Mirrors.Kind, d.Name)
	return &p, nil
}
