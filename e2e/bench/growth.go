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
	return s.grow(ctx, "memory a mirror of 4 KB", fourKB)
}

func largeGrowth(ctx context.Context, s *stage) error {
	return s.grow(ctx, "memory a mirror of 64 KB", 64<<10)
}

// grow compares the memory at rest with 200 namespaces and with 4,000, that is with
// 1,000 mirrors and with 20,000.
func (s *stage) grow(ctx context.Context, figure string, size int) (err error) {
	namespaces := s.count(4000, 240)
	if err := s.makeNamespaces(ctx, fanOutTargets); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	before, err := s.settled(ctx, p, sourceWrites(http.MethodPost, "src-", "v1", targetPrefix+"*", fanOutSources, size), fanOutMirrors)
	if err != nil {
		return err
	}
	after, err := s.settled(ctx, p, targetWrites(fanOutTargets, namespaces), (namespaces-fanOutTargets)*fanOutSources)
	if err != nil {
		return err
	}
	_, peak, err := p.memory()
	if err != nil {
		return err
	}
	s.add(figure, sample{Value: (after - before) / float64((namespaces-fanOutTargets)*fanOutSources), Measured: peak / megabyte})
	return nil
}

// settled is the memory once the writes have led to so many mirrors, and the runtime
// has had time to give back what it needed meanwhile.
func (s *stage) settled(ctx context.Context, p *subject, writes []write, mirrors int) (float64, error) {
	if _, err := s.clock(ctx, writes, mirrors, written("src-", "v1")); err != nil {
		return 0, fmt.Errorf("wait for %d mirrors: %w", mirrors, err)
	}
	if err := errors.Join(s.quiet(ctx), pause(ctx, 15*time.Second)); err != nil {
		return 0, err
	}
	now, _, err := p.memory()
	return now, err
}
