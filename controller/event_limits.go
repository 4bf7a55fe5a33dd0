package controller

import (
	"errors"
	"sync"

	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/lru"
)

// Events are told in addition: the status says the same. So there may be as many about an
// object as client-go's own recorder would write (tools/record, EventCorrelator): whoever
// changes a source into one mistake after the other makes no flood of them. Many objects
// may have as many; their turn comes with that of their namespace.
const (
	eventsOfObject    = 25
	eventsOfObjectQPS = 1. / 300
	// limitsKept is of how many objects it is known.
	limitsKept = 4096
)

var errTooManyEvents = errors.New("there have been too many events about it lately")

// eventLimits has what was written lately.
type eventLimits struct {
	mu      sync.Mutex
	objects *lru.Cache
}

func newEventLimits() *eventLimits { return &eventLimits{objects: lru.New(limitsKept)} }

// allow reports whether one more may be written about an object, or whatever else one
// can be told too much of, and counts it.
func (l *eventLimits) allow(about any) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.objects.Get(about)
	if !ok {
		known = flowcontrol.NewTokenBucketRateLimiter(eventsOfObjectQPS, eventsOfObject)
		l.objects.Add(about, known)
	}
	return known.(flowcontrol.RateLimiter).TryAccept()
}
