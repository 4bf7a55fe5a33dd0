package main

import (
	"context"
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

// settling is how long it may take the contender's runtime to give back what it needed
// for its work.
const settling = 15 * time.Second

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
