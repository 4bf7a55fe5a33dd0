package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
)

// The fan-out setting of the figures.
const (
	fanOutSources = 5
	fanOutTargets = 200
	fanOutMirrors = fanOutSources * fanOutTargets
	fourKB        = 4 << 10
)

// sets are the sets of sources that are raced over, one race each. An even number
// gives both sides as many first turns.
var sets = []string{"a", "b", "c", "d"}

// fanOut mirrors a few sources to many namespaces, looks at what that costs and at
// how the process rests and restarts, changes the sources, and deletes them. What
// is timed is done several times, the raw client first and the contender first in
// turns: who comes second finds a server with more to clear up, and there is about
// one collection of the server's garbage a race, which one meets and the next doesn't.
func fanOut(ctx context.Context, s *stage) (err error) {
	if err := s.makeNamespaces(ctx, fanOutTargets); err != nil {
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

	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return err
	}
	first, err := s.races(ctx, sets[:1], creates)
	if err != nil {
		return err
	}
	if err := s.costs(ctx, p, mark); err != nil {
		return err
	}
	if err := s.atRest(ctx); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	if p, err = s.restart(ctx); err != nil {
		return err
	}
	rest, err := s.races(ctx, sets[1:], creates)
	if err != nil {
		return err
	}
	s.add("fan-out", ratio(first.measured+rest.measured, first.raw+rest.raw))
	updated, err := s.races(ctx, sets, updates)
	if err != nil {
		return err
	}
	s.add("update", ratio(updated.measured, updated.raw))
	gone, err := s.races(ctx, sets, deletes)
	if err != nil {
		return err
	}
	s.add("delete", ratio(gone.measured, gone.raw))
	return nil
}

// costs are what the process spent on the fan-out, since the mark and in all.
func (s *stage) costs(ctx context.Context, p *subject, mark audit.Mark) error {
	cpu, err := p.cpu()
	if err != nil {
		return err
	}
	s.add("CPU", sample{Value: cpu})
	if err := s.quiet(ctx); err != nil {
		return err
	}
	writes, reads, err := s.requests(ctx, mark)
	if err != nil {
		return err
	}
	s.add("writes", sample{Value: float64(writes)})
	s.add("reads", sample{Value: float64(reads)})
	now, peak, err := p.memory()
	if err != nil {
		return err
	}
	s.add("memory", sample{Value: now / megabyte})
	s.add("memory, peak", sample{Value: peak / megabyte})
	return nil
}

// race is the same work, done by the raw client in all its writes, and by the
// contender after a few on sources. Done is what the observer has to see of each.
type race struct {
	raw, trigger []write
	done         func(prefix string) func(watch.EventType, metav1.Object) bool
	set          string
}

// creates, updates and deletes are the races over a set of sources and copies.
func creates(set string) race {
	return race{
		copyWrites(http.MethodPost, "raw-"+set, "v1", fanOutSources, fanOutTargets, fourKB),
		sourceWrites(http.MethodPost, "src-"+set, "v1", targetPrefix+"*", fanOutSources, fourKB),
		func(prefix string) func(watch.EventType, metav1.Object) bool { return written(prefix, "v1") },
		set,
	}
}

func updates(set string) race {
	const version = "v2"
	return race{
		copyWrites(http.MethodPut, "raw-"+set, version, fanOutSources, fanOutTargets, fourKB),
		changes("src-"+set, version, fanOutSources, fourKB),
		func(prefix string) func(watch.EventType, metav1.Object) bool { return written(prefix, version) },
		set,
	}
}

func deletes(set string) race {
	return race{
		copyWrites(http.MethodDelete, "raw-"+set, "", fanOutSources, fanOutTargets, 0),
		sourceWrites(http.MethodDelete, "src-"+set, "", "", fanOutSources, 0),
		deleted,
		set,
	}
}

// times are how long the two sides of a race took.
type times struct{ raw, measured time.Duration }

// race has both do the work, one right after the other.
func (s *stage) race(ctx context.Context, r race) (t times, err error) {
	err = s.inTurns(func() (err error) {
		t.raw, err = s.clock(ctx, r.raw, len(r.raw), r.done("raw-"+r.set))
		return err
	}, func() (err error) {
		t.measured, err = s.clock(ctx, r.trigger, len(r.raw), r.done("src-"+r.set))
		return err
	})
	return t, errors.Join(err, s.quiet(ctx))
}

// races has one race after the other, over each of the sets, and returns what they
// took together.
func (s *stage) races(ctx context.Context, sets []string, over func(set string) race) (sum times, err error) {
	for _, set := range sets {
		t, err := s.race(ctx, over(set))
		if err != nil {
			return sum, err
		}
		sum.raw += t.raw
		sum.measured += t.measured
	}
	return sum, nil
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
