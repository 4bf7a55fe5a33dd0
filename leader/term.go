package leader

import (
	"sync/atomic"
	"time"
)

// Term is how long a process may write. Its context tells the work that the Lease is
// lost, but only once the elector has found out: a process that was stopped for longer
// than the Lease runs, by SIGSTOP or a frozen machine, goes on with what it was about to
// do in the same moment. By the clock alone it can know better, before each write.
//
// The zero value has no end: it is that of a process that never held a Lease.
type Term struct{ end atomic.Pointer[time.Time] }

// Over reports whether the Lease that this process held last has run out, so that
// another may hold it. Either clock will do: the monotonic one stands still while a
// machine sleeps, and the wall's may be set back.
func (t *Term) Over() bool {
	end, now := t.end.Load(), time.Now()
	return end != nil && (!now.Before(*end) || !now.Round(0).Before(end.Round(0)))
}

func (t *Term) extend(end time.Time) { t.end.Store(&end) }
