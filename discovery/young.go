package discovery

import (
	"slices"
	"sync"
	"time"
)

// The API server holds each create of a kind for two seconds while the time stamp,
// in whole seconds, of the kind's being established is not as old as that. To begin
// with a kind sooner is to have its first mirrors later, and a worker kept busy by
// each of them meanwhile.
const (
	settled = 2 * time.Second
	// newborn is the age up to which a change of a definition may be its being
	// established. The time stamp of that is not in the metadata; the event itself
	// comes at that moment.
	newborn = 5 * time.Second
)

// untilSettled returns how long a kind needs to settle of which there is an event
// now, by the time at which its definition was created.
func untilSettled(created, now time.Time) time.Duration {
	if now.Sub(created) > newborn {
		return 0
	}
	return now.Truncate(time.Second).Add(settled).Sub(now)
}

// young knows the CustomResourceDefinitions that have not settled yet.
type young struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newYoung() *young { return &young{until: map[string]time.Time{}} }

// add remembers the definition of a name for so long, and calls grown early enough
// for the look that it leads to to come just then.
func (y *young) add(name string, wait time.Duration, grown func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	until := time.Now().Add(wait)
	y.until[name] = until
	time.AfterFunc(wait-quiet, grown)
	time.AfterFunc(wait, func() {
		y.mu.Lock()
		defer y.mu.Unlock()
		if y.until[name].Equal(until) {
			delete(y.until, name)
		}
	})
}

// without returns those of the types whose definitions have settled, or of whose
// kinds we had a type before.
func (y *young) without(types, had []Type) []Type {
	y.mu.Lock()
	defer y.mu.Unlock()
	now := time.Now()
	return slices.DeleteFunc(types, func(t Type) bool {
		return now.Before(y.until[t.Resource.GroupResource().String()]) &&
			!slices.ContainsFunc(had, func(h Type) bool { return h.groupKind() == t.groupKind() })
	})
}
