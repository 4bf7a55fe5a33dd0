package informers

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

// hurried is a clock that doesn't wait beyond its context. Between two tries of a
// streamed list the reflector waits up to a minute without regard to its own.
type hurried struct {
	clock.RealClock
	ctx context.Context
}

// After implements clock.Clock.
func (h hurried) After(d time.Duration) <-chan time.Time {
	ctx, cancel := context.WithTimeout(h.ctx, d)
	passed := make(chan time.Time)
	context.AfterFunc(ctx, func() {
		cancel()
		close(passed)
	})
	return passed
}
