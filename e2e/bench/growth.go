package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// growth measures what a mirror costs in memory, small ones and large ones.
func growth(ctx context.Context, s *stage) error {
	if err := s.grow(ctx, "small-", "memory a mirror of 4 KB", fourKB, s.count(100, 10)); err != nil {
		return err
	}
	return s.grow(ctx, "large-", "memory a mirror of 64 KB", 64<<10, s.count(50, 10))
}

// grow mirrors 5 sources, then so many, and compares the memory at rest.
func (s *stage) grow(ctx context.Context, prefix, figure string, size, sources int) (err error) {
	if prefix == "small-" {
		if err := s.makeNamespaces(ctx, fanOutTargets); err != nil {
			return err
		}
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	before, err := s.settled(ctx, p, sourceWrites(http.MethodPost, prefix+"a", "v1", targetPrefix+"*", 5, size), prefix+"a")
	if err != nil {
		return err
	}
	after, err := s.settled(ctx, p, sourceWrites(http.MethodPost, prefix+"b", "v1", targetPrefix+"*", sources-5, size), prefix+"b")
	if err != nil {
		return err
	}
	_, peak, err := p.memory()
	if err != nil {
		return err
	}
	s.add(figure, sample{Value: (after - before) / float64((sources-5)*fanOutTargets), Measured: peak / megabyte})
	return nil
}

// settled is the memory once the sources are mirrored and the runtime has had time
// to give back what it needed meanwhile.
func (s *stage) settled(ctx context.Context, p *subject, writes []write, prefix string) (float64, error) {
	if _, err := s.clock(ctx, writes, len(writes)*fanOutTargets, written(prefix, "v1")); err != nil {
		return 0, fmt.Errorf("mirror %d sources: %w", len(writes), err)
	}
	if err := errors.Join(s.quiet(ctx), pause(ctx, 15*time.Second)); err != nil {
		return 0, err
	}
	now, _, err := p.memory()
	return now, err
}
