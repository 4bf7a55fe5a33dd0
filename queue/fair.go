package queue

// fair is a queue of queues: Pop serves the groups in turn, and within a group
// the keys in the order in which they came. It implements client-go's
// workqueue.Queue, which calls it under a lock of its own and never pushes a
// key that is already in it.
type fair[K, G comparable] struct {
	group func(K) G
	// waiting has the keys of each group that has any.
	waiting map[G][]K
	// turns has each group of waiting once, the next one to serve first.
	turns []G
	size  int
}

func newFair[K, G comparable](group func(K) G) *fair[K, G] {
	return &fair[K, G]{group: group, waiting: map[G][]K{}}
}

// Push adds a key at the end of its group; a new group is served last.
func (f *fair[K, G]) Push(key K) {
	g := f.group(key)
	if len(f.waiting[g]) == 0 {
		f.turns = append(f.turns, g)
	}
	f.waiting[g] = append(f.waiting[g], key)
	f.size++
}

// Pop takes the first key of the group whose turn it is.
func (f *fair[K, G]) Pop() K {
	g := f.turns[0]
	keys := f.waiting[g]
	key := keys[0]
	// The slices' arrays live on: they must not hold what was served.
	clear(f.turns[:1])
	clear(keys[:1])
	f.turns = f.turns[1:]
	if keys = keys[1:]; len(keys) == 0 {
		delete(f.waiting, g)
	} else {
		f.waiting[g] = keys
		f.turns = append(f.turns, g)
	}
	f.size--
	return key
}

// Len is the number of keys that wait.
func (f *fair[K, G]) Len() int { return f.size }

// Touch does nothing: a key that is added again keeps its place.
func (f *fair[K, G]) Touch(K) {}
