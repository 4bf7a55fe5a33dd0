package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The fan-out setting of the figures.
const (
	fanOutSources = 5
	fanOutTargets = 200
	fanOutMirrors = fanOutSources * fanOutTargets
	fourKB        = 4 << 10
)

// fanOut mirrors a few sources to many namespaces, changes them, looks at how the
// process rests and restarts, and deletes them.
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

	if err := s.create(ctx, p); err != nil {
		return err
	}
	for _, version := range []string{"v2", "v3"} {
		if err := s.update(ctx, version); err != nil {
			return err
		}
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
	return s.delete(ctx)
}

// create measures the fan-out itself, and what it costs the process.
func (s *stage) create(ctx context.Context, p *subject) error {
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return err
	}
	err = s.race(ctx, "fan-out",
		race{
			copyWrites(http.MethodPost, "raw-", "v1", fanOutSources, fanOutTargets, fourKB),
			sourceWrites(http.MethodPost, "src-", "v1", targetPrefix+"*", fanOutSources, fourKB),
			func(prefix string) func(watch.EventType, metav1.Object) bool { return written(prefix, "v1") },
		})
	if err != nil {
		return err
	}
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

func (s *stage) update(ctx context.Context, version string) error {
	err := s.race(ctx, "update",
		race{
			copyWrites(http.MethodPut, "raw-", version, fanOutSources, fanOutTargets, fourKB),
			changes("src-", version, fanOutSources, fourKB),
			func(prefix string) func(watch.EventType, metav1.Object) bool { return written(prefix, version) },
		})
	return errors.Join(err, s.quiet(ctx))
}

func (s *stage) delete(ctx context.Context) error {
	return s.race(ctx, "delete",
		race{
			copyWrites(http.MethodDelete, "raw-", "", fanOutSources, fanOutTargets, 0),
			sourceWrites(http.MethodDelete, "src-", "", "", fanOutSources, 0),
			deleted,
		})
}

// race is the same work, done by the raw client in all its writes, and by the
// contender after a few on sources. Done is what the observer has to see of each.
type race struct {
	raw, trigger []write
	done         func(prefix string) func(watch.EventType, metav1.Object) bool
}

// race has both do the work, and adds how much longer the contender took.
func (s *stage) race(ctx context.Context, figure string, r race) error {
	var raw, measured time.Duration
	err := s.inTurns(func() (err error) {
		raw, err = s.clock(ctx, r.raw, len(r.raw), r.done("raw-"))
		return err
	}, func() (err error) {
		measured, err = s.clock(ctx, r.trigger, len(r.raw), r.done("src-"))
		return err
	})
	if err != nil {
		return err
	}
	s.add(figure, ratio(measured, raw))
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
