package controller

import (
	"errors"
	"sync"

	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/lru"
)

// Events are told in addition: the status says the same. So there may be as many about an
// object as client-go's own recorder would write (tools/record, EventCorrelator), and about
// all objects of a namespace so many that none of them takes the others' turn.
const (
	eventsOfObject     = 25
	eventsOfObjectQPS  = 1. / 300
	eventsInNamespace  = 100
	eventsNamespaceQPS = 1
	// limitsKept is of how many objects, and namespaces, it is known.
	limitsKept = 4096
)

var errTooManyEvents = errors.New("there have been too many events lately")

// eventLimits has what was written lately.
type eventLimits struct {
	mu                  sync.Mutex
	objects, namespaces *lru.Cache
}

func newEventLimits() *eventLimits {
	return &eventLimits{objects: lru.New(limitsKept), namespaces: lru.New(limitsKept)}
}

// allow reports whether one more may be written, and counts it.
func (l *eventLimits) allow(on subject) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return limiter(l.objects, on.UID, eventsOfObjectQPS, eventsOfObject).TryAccept() &&
		limiter(l.namespaces, on.Namespace, eventsNamespaceQPS, eventsInNamespace).TryAccept()
}

func limiter(of *lru.Cache, key any, qps float32, burst int) flowcontrol.RateLimiter {
	if known, ok := of.Get(key); ok {
		return known.(flowcontrol.RateLimiter)
	}
	fresh := flowcontrol.NewTokenBucketRateLimiter(qps, burst)
	of.Add(key, fresh)
	return fresh
}
