package queue

import (
	"slices"
	"sync"
)

// fair is a queue of queues: Pop serves the lanes in turn. It implements client-go's
// workqueue.Queue, which never pushes a key that is already in it.
type fair[K, G comparable] struct {
	turns Turns[K, G]

	// mu guards all below: client-go's lock isn't held when a key is done.
	mu    sync.Mutex
	lanes map[laneName]*lane[K, G]
	// ready has each lane once that may be served, the next one first.
	ready []laneName
	// charged is on whose account a key waits, where that isn't its tenant's.
	charged map[K]string
	// working has the keys that are being worked on.
	working map[K]*work
	// nudges is how often a worker is to be woken for what it wasn't told of.
	nudges int
}

// laneName is whose turn it is: a tenant's, with what is its own, or with what is
// charged to it.
type laneName struct {
	tenant  string
	charged bool
}

// work is a key that is being worked on, and where it waited for that. Settled says that
// it was added in the ordinary way since; kept, that it is to be worked on once more on
// the same account.
type work struct {
	lane          laneName
	settled, kept bool
}

func newFair[K, G comparable](turns Turns[K, G]) *fair[K, G] {
	return &fair[K, G]{turns: turns, lanes: map[laneName]*lane[K, G]{}, charged: map[K]string{}, working: map[K]*work{}}
}

// Push adds a key at the end of its lane. The zero key is none, and wakes a worker.
func (f *fair[K, G]) Push(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if key == *new(K) {
		f.nudges++
		return
	}
	f.push(key)
}

func (f *fair[K, G]) push(key K) {
	name := f.laneOf(key)
	l := f.lanes[name]
	if l == nil {
		l = newLane[K, G](f.turns.TenantShare, f.turns.GroupShare)
		if name.charged {
			l.share = chargedShare
		}
		f.lanes[name] = l
	}
	l.push(f.turns.Group(key), key)
	f.offer(name, l)
}

// laneOf is where a key waits.
func (f *fair[K, G]) laneOf(key K) laneName {
	if tenant, charged := f.charged[key]; charged {
		return laneName{tenant, true}
	}
	return laneName{f.turns.Tenant(key), false}
}

// offer gives a lane a turn, if it may be served and has none.
func (f *fair[K, G]) offer(name laneName, l *lane[K, G]) {
	if !l.hasTurn && l.servable() {
		l.hasTurn = true
		f.ready = append(f.ready, name)
	}
}

// Pop takes the first key of the lane whose turn it is.
func (f *fair[K, G]) Pop() K {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nudges > 0 {
		f.nudges--
		return *new(K)
	}
	name := f.ready[0]
	clear(f.ready[:1]) // the slice's array lives on
	f.ready = f.ready[1:]
	l := f.lanes[name]
	l.hasTurn = false
	key := l.pop()
	delete(f.charged, key)
	f.working[key] = &work{lane: name}
	f.offer(name, l)
	return key
}

// done takes note that a key is not worked on any more; again says that it failed,
// and will be pushed once more. Whoever calls it asks for the next key: that is what makes
// what sat out be served, since nobody else is told of it.
func (f *fair[K, G]) done(key K, again bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.working[key]
	if w == nil {
		return // it was none
	}
	delete(f.working, key)
	name := w.lane
	if name.charged && (again || w.kept) && !w.settled {
		f.charged[key] = name.tenant
	}
	l := f.lanes[name]
	l.done(f.turns.Group(key))
	if f.offer(name, l); l.empty() {
		delete(f.lanes, name)
	}
}

// charge has a key wait on a tenant's account, if it doesn't wait already.
func (f *fair[K, G]) charge(key K, tenant string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.working[key]; w != nil && w.settled {
		return // it will wait in the ordinary way
	}
	if _, charged := f.charged[key]; !charged {
		f.charged[key] = tenant
	}
}

// keepCharged has a key that is being worked on on somebody's account be charged to him
// the next time too.
func (f *fair[K, G]) keepCharged(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.working[key]; w != nil {
		w.kept = true
	}
}

// settle makes a plain key of one that is charged to somebody. It reports whether the key
// waited and has gone to the lane of its tenant, where it may be served now: client-go
// wakes no worker for a key that waits already.
func (f *fair[K, G]) settle(key K) (moved bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.working[key]; w != nil {
		w.settled = true
	}
	tenant, charged := f.charged[key]
	if !charged {
		return false
	}
	delete(f.charged, key)
	if !f.withdraw(laneName{tenant, true}, key) {
		return false
	}
	f.push(key)
	return true
}

// withdraw takes a key out of a lane, and reports whether it waited there.
func (f *fair[K, G]) withdraw(name laneName, key K) bool {
	l := f.lanes[name]
	if l == nil || !l.remove(f.turns.Group(key), key) {
		return false
	}
	if l.hasTurn && !l.servable() {
		l.hasTurn = false
		f.ready = slices.DeleteFunc(f.ready, func(other laneName) bool { return other == name })
	}
	if l.empty() {
		delete(f.lanes, name)
	}
	return true
}

// Len is the number of lanes that can be served, and of workers that are to be woken:
// client-go asks whether it is 0.
func (f *fair[K, G]) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ready) + f.nudges
}

// Touch does nothing: a key that is added again keeps its place.
func (f *fair[K, G]) Touch(K) {}
