package queue

import "slices"

// lane has what waits for a tenant: its groups are served in turn, and within a group the
// keys in the order in which they came. A group that has its share of workers sits out
// until one of its keys is done, and so does the whole lane.
type lane[K, G comparable] struct {
	// share is the most keys of the lane that are worked on at a time, groupShare of
	// a group; 0 means any number.
	share, groupShare int
	// busy is how many keys are being worked on, of is that by group.
	busy int
	of   map[G]int
	// waiting has the keys of each group that has any.
	waiting map[G][]K
	// turns has each group of waiting once that may be served, the next one first.
	turns []G
	// hasTurn says that the lane itself has a turn already.
	hasTurn bool
}

func newLane[K, G comparable](share, groupShare int) *lane[K, G] {
	return &lane[K, G]{share: share, groupShare: groupShare, of: map[G]int{}, waiting: map[G][]K{}}
}

// push adds a key at the end of its group; a new group is served last.
func (l *lane[K, G]) push(g G, key K) {
	l.waiting[g] = append(l.waiting[g], key)
	if len(l.waiting[g]) == 1 && !l.full(g) {
		l.turns = append(l.turns, g)
	}
}

// pop takes the first key of the group whose turn it is.
func (l *lane[K, G]) pop() K {
	g := l.turns[0]
	keys := l.waiting[g]
	key := keys[0]
	// The slices' arrays live on: they must not hold what was served.
	clear(l.turns[:1])
	clear(keys[:1])
	l.turns = l.turns[1:]
	l.busy++
	l.of[g]++
	if keys = keys[1:]; len(keys) == 0 {
		delete(l.waiting, g)
		return key
	}
	l.waiting[g] = keys
	if !l.full(g) {
		l.turns = append(l.turns, g)
	}
	return key
}

// done takes note that a key of a group is not worked on any more.
func (l *lane[K, G]) done(g G) {
	if l.full(g) && len(l.waiting[g]) > 0 {
		l.turns = append(l.turns, g)
	}
	l.busy--
	if l.of[g]--; l.of[g] == 0 {
		delete(l.of, g)
	}
}

// remove takes a key out that waits, and reports whether it did.
func (l *lane[K, G]) remove(g G, key K) bool {
	before := len(l.waiting[g])
	rest := slices.DeleteFunc(l.waiting[g], func(other K) bool { return other == key })
	if len(rest) == before {
		return false
	}
	if l.waiting[g] = rest; len(rest) == 0 {
		delete(l.waiting, g)
		l.turns = slices.DeleteFunc(l.turns, func(other G) bool { return other == g })
	}
	return true
}

// servable reports whether a key can be taken out.
func (l *lane[K, G]) servable() bool {
	return len(l.turns) > 0 && (l.share == 0 || l.busy < l.share)
}

func (l *lane[K, G]) full(g G) bool { return l.groupShare > 0 && l.of[g] >= l.groupShare }

func (l *lane[K, G]) empty() bool { return l.busy == 0 && len(l.waiting) == 0 }
