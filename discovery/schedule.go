package discovery

import (
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// quiet is how long after the last event a look waits for another one, and
	// patience how long after the first: an installation creates dozens of
	// CustomResourceDefinitions in a row.
	quiet    = 150 * time.Millisecond
	patience = time.Second

	// retryFirst is the wait after the first look that failed, wholly or in part.
	// It doubles up to retryMost where all failed, and up to the interval where
	// some API groups did: an APIService may be broken for good.
	retryFirst = time.Second
	retryMost  = 30 * time.Second

	// fruitlessMost is how many looks in a row may find nothing new before events
	// lead to a look each slow only. It bounds what an APIService costs whose
	// status flaps. Twice slow without a look ends it, and so does a look
	// that finds a change.
	fruitlessMost = 20
	slow          = 30 * time.Second
)

// followUps are the looks that come after the one that an event led to, each
// counted from the look before it. A CustomResourceDefinition is served a
// little after its last event says that it is established, and a little later by
// the other API servers behind a load balancer.
var followUps = []time.Duration{250 * time.Millisecond, time.Second, 4 * time.Second}

// result is what the schedule needs to know of a look.
type result struct {
	changed bool // the set of types is another one now
	failed  bool // the server could not say what it serves
	partly  bool // the server could not say so of some API groups
}

// schedule decides when to look next. It is pure: times go in and times come out.
type schedule struct {
	interval time.Duration

	regular     time.Time       // the next look that no event asks for
	retry       time.Duration   // the wait that led to it, if it is a retry
	first, last time.Time       // the oldest and the newest event that wait for a look
	follow      time.Time       // the next follow-up
	follows     []time.Duration // the follow-ups after that
	looked      time.Time       // the last look
	fruitless   int             // looks in a row that found nothing new
}

// newSchedule returns a schedule whose first look is due now.
func newSchedule(interval time.Duration, now time.Time) *schedule {
	return &schedule{interval: interval, regular: now}
}

// changed notes that something which bears on the served types has changed.
func (s *schedule) changed(now time.Time) {
	s.relisted(now)
	s.follows = followUps
}

// relisted notes that something may have changed unseen. One look shows it, for
// what it may be lies back long enough to be served.
func (s *schedule) relisted(now time.Time) {
	if s.first.IsZero() {
		s.first = now
	}
	s.last = now
}

// next returns when the next look is due. It may lie in the past.
func (s *schedule) next() time.Time {
	asked := s.follow
	if !s.first.IsZero() {
		asked = earlier(s.last.Add(quiet), s.first.Add(patience))
	}
	if asked.IsZero() {
		return s.regular
	}
	if held := s.looked.Add(slow); s.fruitless >= fruitlessMost && asked.Before(held) {
		asked = held
	}
	return earlier(asked, s.regular)
}

// done notes that a look has ended, and how.
func (s *schedule) done(now time.Time, r result) {
	if r.changed || now.Sub(s.looked) >= 2*slow {
		s.fruitless = 0
	} else {
		s.fruitless++
	}
	s.looked = now
	s.first, s.last, s.follow = time.Time{}, time.Time{}, time.Time{}
	if len(s.follows) > 0 {
		s.follow, s.follows = now.Add(s.follows[0]), s.follows[1:]
	}
	s.regular = now.Add(s.pause(r))
}

// pause returns the wait up to the next look that no event asks for. The jitter
// keeps replicas and clusters from looking all at once.
func (s *schedule) pause(r result) time.Duration {
	if !r.failed && !r.partly {
		s.retry = 0
		return wait.Jitter(s.interval, 0.1)
	}
	most := s.interval
	if r.failed {
		most = min(most, retryMost)
	}
	s.retry = min(max(2*s.retry, retryFirst), most)
	return wait.Jitter(s.retry, 0.1)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
