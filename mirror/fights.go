package mirror

import (
	"time"
)

// Whoever changes an object back finds it corrected at once a few times; then the
// corrections come later and later, so that two writers who disagree don't keep
// the API server busy (I9).
const (
	freeCorrections = 5
	firstPause      = 500 * time.Millisecond
	longestPause    = 5 * time.Minute
	// leastPrune is the size below which what has ended may stay.
	leastPrune = 64
	// calm is how long an object must have been left alone to start anew.
	calm = time.Minute
)

// fights counts how often the same was written to the same object.
type fights struct {
	of map[object]*fight
	// prune is the size at which those that have ended are taken out.
	prune int
}

type fight struct {
	intent Hash
	writes int
	last   time.Time
}

func newFights() *fights {
	return &fights{of: map[object]*fight{}, prune: leastPrune}
}

// pause is the time that must lie between the last correction and the next.
func (f *fight) pause() time.Duration {
	if f.writes < freeCorrections {
		return 0
	}
	return min(longestPause, firstPause<<min(f.writes-freeCorrections, 20))
}

func (f *fight) calmAfter() time.Duration { return max(calm, 2*f.pause()) }

// wait is how long to wait before the object may be written again with the same
// intent; zero for at once.
func (f *fights) wait(o object, intent Hash) time.Duration {
	fight := f.current(o)
	if fight == nil || fight.intent != intent {
		return 0
	}
	return max(0, fight.pause()-time.Since(fight.last))
}

// ongoing says whether the same was written to the object not long ago.
func (f *fights) ongoing(o object, intent Hash) bool {
	fight := f.current(o)
	return fight != nil && fight.intent == intent
}

// wrote counts a write.
func (f *fights) wrote(o object, intent Hash) {
	if len(f.of) >= f.prune {
		for other := range f.of {
			f.current(other)
		}
		f.prune = max(leastPrune, 2*len(f.of))
	}
	current := f.of[o]
	if current == nil || current.intent != intent {
		current = &fight{intent: intent}
		f.of[o] = current
	}
	current.writes++
	current.last = time.Now()
}

// contested says whether an object is fought over, and when that will be forgotten
// if nothing happens.
func (f *fights) contested(o object) (bool, time.Duration) {
	fight := f.current(o)
	if fight == nil || fight.pause() == 0 {
		return false, 0
	}
	return true, fight.calmAfter() - time.Since(fight.last)
}

func (f *fights) current(o object) *fight {
	fight := f.of[o]
	if fight != nil && time.Since(fight.last) >= fight.calmAfter() {
		delete(f.of, o)
		return nil
	}
	return fight
}
