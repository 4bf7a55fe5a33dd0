package queue

import "sync"

// fair is a queue of queues: Pop serves the groups in turn, and within a group
// the keys in the order in which they came. A group that has its share of workers
// sits out until one of its keys is done. It implements client-go's
// workqueue.Queue, which never pushes a key that is already in it.
type fair[K, G comparable] struct {
	group func(K) G
	// share is the most keys of a group that are worked on at a time; 0 means any
	// number.
	share int

	// mu guards all below: client-go's lock isn't held when a key is done.
	mu sync.Mutex
	// busy is how many keys of a group are being worked on.
	busy map[G]int
	// waiting has the keys of each group that has any.
	waiting map[G][]K
	// turns has each group of waiting once that may be served, the next one first.
	turns []G
}

func newFair[K, G comparable](group func(K) G, share int) *fair[K, G] {
	return &fair[K, G]{group: group, share: share, busy: map[G]int{}, waiting: map[G][]K{}}
}

// Push adds a key at the end of its group; a new group is served last.
func (f *fair[K, G]) Push(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.group(key)
	f.waiting[g] = append(f.waiting[g], key)
	if len(f.waiting[g]) == 1 && !f.full(g) {
		f.turns = append(f.turns, g)
	}
}

// Pop takes the first key of the group whose turn it is.
func (f *fair[K, G]) Pop() K {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.turns[0]
	keys := f.waiting[g]
	key := keys[0]
	// The slices' arrays live on: they must not hold what was served.
	clear(f.turns[:1])
	clear(keys[:1])
	f.turns = f.turns[1:]
	f.busy[g]++
	if keys = keys[1:]; len(keys) == 0 {
		delete(f.waiting, g)
		return key
	}
	f.waiting[g] = keys
	if !f.full(g) {
		f.turns = append(f.turns, g)
	}
	return key
}

// done takes note that a key is not worked on any more. Whoever calls it asks for
// the next key: that is what makes the one that sat out be served, since nobody
// else is told of it.
func (f *fair[K, G]) done(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.group(key)
	if f.full(g) && len(f.waiting[g]) > 0 {
		f.turns = append(f.turns, g)
	}
	if f.busy[g]--; f.busy[g] == 0 {
		delete(f.busy, g)
	}
}

func (f *fair[K, G]) full(g G) bool { return f.share > 0 && f.busy[g] >= f.share }

// Len is the number of groups that can be served: client-go asks whether it is 0.
func (f *fair[K, G]) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.turns)
}

// Touch does nothing: a key that is added again keeps its place.
func (f *fair[K, G]) Touch(K) {}
