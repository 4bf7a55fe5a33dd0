package main

import (
	"context"
	"fmt"
	"time"
)

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// quiet waits until the contender has asked nothing for a second. One that is
// never quiet has a few of them.
func (s *stage) quiet(ctx context.Context) error {
	for range 5 {
		mark, err := s.plane.Audit().Mark()
		if err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		writes, reads, err := s.requests(ctx, mark)
		if err != nil || writes+reads == 0 {
			return err
		}
	}
	return nil
}

// atRest counts what is asked while nothing changes.
func (s *stage) atRest(ctx context.Context) error {
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Duration(s.count(20, 5))*time.Second); err != nil {
		return err
	}
	writes, reads, err := s.requests(ctx, mark)
	s.add("at rest", sample{Value: float64(writes + reads)})
	return err
}

// restart starts the contender on mirrors that are right, and counts what it
// writes, and the objects that it gets one by one.
func (s *stage) restart(ctx context.Context) (*subject, error) {
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return nil, err
	}
	p, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.quiet(ctx); err != nil {
		return p, err
	}
	writes, _, err := s.requests(ctx, mark)
	if err != nil {
		return p, err
	}
	gets, err := s.gets(ctx, mark)
	if err != nil {
		return p, err
	}
	s.add("restart, writes", sample{Value: float64(writes)})
	s.add("restart, gets", sample{Value: float64(gets)})
	_, peak, err := p.memory()
	if err != nil {
		return p, fmt.Errorf("after the restart: %w", err)
	}
	s.add("restart, peak memory", sample{Value: peak / megabyte})
	return p, nil
}
