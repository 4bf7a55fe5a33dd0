package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// smallGrowth and largeGrowth measure what a mirror costs in memory: 5 sources stay,
// and namespaces come, so that what a source weighs, which is its content, is not
// counted along.
func smallGrowth(ctx context.Context, s *stage) error {
	return s.grow(ctx, "4 KB", fourKB)
}

func largeGrowth(ctx context.Context, s *stage) error {
	return s.grow(ctx, "64 KB", sixtyFourKB)
}

// grow compares the memory at rest with 200 namespaces and with 4,000, that is with
// 1,000 mirrors and with 20,000; and sees how a restart goes with so many.
func (s *stage) grow(ctx context.Context, of string, size int) (err error) {
	namespaces := s.count(4000, 240)
	if err := s.makeNamespaces(ctx, few.targets); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	before, err := s.settled(ctx, p, sourceWrites(http.MethodPost, "src-", "v1", targetPrefix+"*", few.sources, size), few.mirrors())
	if err != nil {
		return err
	}
	after, err := s.settled(ctx, p, targetWrites(few.targets, namespaces), (namespaces-few.targets)*few.sources)
	if err != nil {
		return err
	}
	s.add("memory a mirror of "+of, sample{Value: (after - before) / float64((namespaces-few.targets)*few.sources)})
	p, err = s.restarts(ctx, p, of)
	return err
}

// restarts is the median of some restarts, until all that there is has been taken in; the
// large mirrors are compared with the small ones of the same run.
func (s *stage) restarts(ctx context.Context, p *subject, of string) (*subject, error) {
	const times = 3
	var took []time.Duration
	for range times {
		err := p.stop()
		if err == nil {
			p, err = s.start(ctx)
		}
		if err != nil {
			return p, err
		}
		took = append(took, p.readyAfter)
	}
	m, err := p.Memory()
	if err != nil {
		return p, err
	}
	median := percentile(took, 50)
	s.add("20,000 mirrors of "+of+", restart", sample{Value: median.Seconds()})
	s.add("20,000 mirrors of "+of+", restart, peak memory", sample{Value: float64(m.Peak) / megabyte})
	if of == "4 KB" {
		s.results.restartOfSmall[s.name] = median
	} else if small := s.results.restartOfSmall[s.name]; small > 0 {
		s.add("20,000 mirrors of 64 KB and of 4 KB, restart", ratio(median, small))
	}
	return p, nil
}

// settled is the memory once the writes have led to so many mirrors, and the runtime
// has had time to give back what it needed meanwhile.
func (s *stage) settled(ctx context.Context, p *subject, writes []write, mirrors int) (float64, error) {
	if _, err := s.clock(ctx, writes, mirrors, written("src-", "v1")); err != nil {
		return 0, fmt.Errorf("wait for %d mirrors: %w", mirrors, err)
	}
	if err := errors.Join(s.quiet(ctx), pause(ctx, settling)); err != nil {
		return 0, err
	}
	now, err := p.Memory()
	return float64(now.Resident), err
}
