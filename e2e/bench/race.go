package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fanOut has the raw client and the contender race: over creations, over changes and
// over deletions.
func fanOut(ctx context.Context, s *stage) (err error) {
	if err := s.makeNamespaces(ctx, few.targets); err != nil {
		return err
	}
	if err := s.makeBystanders(ctx, s.count(5000, 100), fourKB); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	// The API server spends a third of its time on its own garbage, in one collection for
	// every one or two thousand writes: a side has to go through several of them for its
	// share to be fair.
	const times = 8
	for _, r := range []race{creates, updates, deletes} {
		if err := s.race(ctx, r, few, s.count(times, 1)); err != nil {
			return err
		}
	}
	return nil
}

// race is the same work, done by the raw client in all its writes, and by the
// contender after a few on sources. Both are told of a set of names; done is what the
// observer has to see of the objects of a prefix.
type race struct {
	figure       string
	raw, trigger func(l load, set string) []write
	done         func(prefix string) func(watch.EventType, metav1.Object) bool
}

var creates = race{
	"fan-out",
	func(l load, set string) []write { return copyWrites(http.MethodPost, rawPrefix+set, "v1", l) },
	func(l load, set string) []write {
		return sourceWrites(http.MethodPost, sourcePrefix+set, "v1", targetPrefix+"*", l.sources, l.size)
	},
	func(prefix string) func(watch.EventType, metav1.Object) bool { return written(prefix, "v1") },
}

var updates = race{
	"update",
	func(l load, set string) []write { return copyWrites(http.MethodPut, rawPrefix+set, "v2", l) },
	func(l load, set string) []write { return changes(sourcePrefix+set, "v2", l.sources, l.size) },
	func(prefix string) func(watch.EventType, metav1.Object) bool { return written(prefix, "v2") },
}

var deletes = race{
	"delete",
	func(l load, set string) []write { return copyWrites(http.MethodDelete, rawPrefix+set, "", l) },
	func(l load, set string) []write {
		return sourceWrites(http.MethodDelete, sourcePrefix+set, "", "", l.sources, 0)
	},
	deleted,
}

// The names of objects that the raw client writes, and of those that the contender does.
const (
	rawPrefix    = "raw-"
	sourcePrefix = "src-"
)

// race has both do the work so many times over, each time on other objects. One side
// does half of its share before and half after the other side's whole, so that neither
// gains by a server that slows down, or by garbage that is left to the one that follows.
func (s *stage) race(ctx context.Context, r race, l load, times int) error {
	raw := &side{do: func(set string) (time.Duration, error) {
		return s.clock(ctx, r.raw(l, set), l.mirrors(), r.done(rawPrefix+set))
	}}
	measured := &side{do: func(set string) (time.Duration, error) { return s.measured(ctx, r, l, set) }}
	outer, inner := measured, raw
	if s.rawFirst {
		outer, inner = raw, measured
	}
	s.rawFirst = !s.rawFirst
	turns := []struct {
		*side
		from, to int
	}{{outer, 0, times / 2}, {inner, 0, times}, {outer, times / 2, times}}
	for _, turn := range turns {
		if err := turn.repeat(turn.from, turn.to); err != nil {
			return err
		}
	}
	s.add(l.name+r.figure, ratio(measured.took, raw.took))
	return s.quiet(ctx)
}

// measured is how long the contender takes.
func (s *stage) measured(ctx context.Context, r race, l load, set string) (time.Duration, error) {
	return s.clock(ctx, r.trigger(l, set), l.mirrors(), r.done(sourcePrefix+set))
}

// side is one of the two in a race.
type side struct {
	do   func(set string) (time.Duration, error)
	took time.Duration
}

// repeat does the same on each of some sets, and adds up what it takes.
func (s *side) repeat(from, to int) error {
	for i := from; i < to; i++ {
		took, err := s.do(fmt.Sprintf("%02d-", i))
		if err != nil {
			return err
		}
		s.took += took
	}
	return nil
}

// clock is how long it takes from the first of the writes until the observer has
// seen so many objects change.
func (s *stage) clock(ctx context.Context, writes []write, objects int, done func(watch.EventType, metav1.Object) bool) (time.Duration, error) {
	t := s.seen.expect(done)
	start := time.Now()
	if err := s.raw.all(ctx, writes); err != nil {
		return 0, err
	}
	end, err := t.wait(ctx, objects)
	return end.Sub(start), err
}
