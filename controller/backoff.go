package controller

import (
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Whoever changes an object back finds it corrected at once a few times; then the
// corrections come later and later, so that two writers who disagree don't keep
// the API server busy (I9). Deletions count too, and so do creations in turn with
// them: somebody may make a mirror again that is not to be there, or two may
// disagree about whether it is to be there at all.
const (
	freeCorrections = 5
	// freeTurns is how often we make an object and delete it in turn at once: a person
	// who tries things out does so too.
	freeTurns    = 6
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Minute
	// leastPrune is the size below which what has ended may stay.
	leastPrune = 64
	// calm is how long an object must have been left alone to start anew.
	calm = time.Minute
)

// driftBackoff counts how often the same was written to the same object.
type driftBackoff struct {
	of map[object]*contest
	// prune is the size at which those that have ended are taken out.
	prune int
}

// deletion is the intent of a write that deletes: no content hashes to it.
var deletion = mirror.Hash{}

type contest struct {
	// intent is the content that was written last, if made; deleted says that it was
	// deleted too.
	intent        mirror.Hash
	made, deleted bool
	writes        int
	last          time.Time
	// told says that the source's author has been told of it, logged that the log has a
	// line of it, which is all there is where no source was to be seen.
	told, logged bool
}

func newDriftBackoff() *driftBackoff {
	return &driftBackoff{of: map[object]*contest{}, prune: leastPrune}
}

// pause is the time that must lie between the last correction and the next.
func (f *contest) pause() time.Duration {
	free := freeCorrections
	if f.made && f.deleted {
		free = 2 * freeTurns
	}
	if f.writes < free {
		return 0
	}
	return min(longestPause, firstPause<<min(f.writes-free, 20))
}

func (f *contest) calmAfter() time.Duration { return max(calm, 2*f.pause()) }

// repeats reports whether a write has happened before. Other content than before is
// a change of the source, and has nothing to do with what was; but for an object that
// comes and goes, whatever it is made of.
func (f *contest) repeats(intent mirror.Hash) bool {
	switch {
	case f == nil:
		return false
	case intent == deletion:
		return f.deleted
	}
	return f.deleted || f.made && f.intent == intent
}

// wait is how long to wait before the object may be written again with the same
// intent; zero for at once.
func (f *driftBackoff) wait(o object, intent mirror.Hash) time.Duration {
	fight := f.current(o)
	if !fight.repeats(intent) {
		return 0
	}
	return max(0, fight.pause()-time.Since(fight.last))
}

// ongoing reports whether the same was written to the object not long ago.
func (f *driftBackoff) ongoing(o object, intent mirror.Hash) bool {
	return f.current(o).repeats(intent)
}

// isNew reports whether an intent is another than the last: then the source has
// changed, and nobody else is the reason for the write.
func (f *driftBackoff) isNew(o object, intent mirror.Hash) bool {
	fight := f.current(o)
	return fight == nil || !fight.made || fight.intent != intent
}

// reportOnce reports whether an object is fought over and nobody has been told so yet, and
// takes it for told.
func (f *driftBackoff) reportOnce(o object) bool {
	fight := f.current(o)
	if fight == nil || fight.told || fight.pause() == 0 {
		return false
	}
	fight.told = true
	return true
}

// logOnce is reportOnce where there is no source to tell: its author may yet be told, if
// there is one again.
func (f *driftBackoff) logOnce(o object) bool {
	fight := f.current(o)
	if fight == nil || fight.told || fight.logged || fight.pause() == 0 {
		return false
	}
	fight.logged = true
	return true
}

// wrote counts a write.
func (f *driftBackoff) wrote(o object, intent mirror.Hash) {
	if len(f.of) >= f.prune {
		for other := range f.of {
			f.current(other)
		}
		f.prune = max(leastPrune, 2*len(f.of))
	}
	current := f.of[o]
	switch {
	case current == nil, intent != deletion && !current.repeats(intent):
		current = &contest{}
		f.of[o] = current
	}
	if intent == deletion {
		current.deleted = true
	} else {
		current.intent, current.made = intent, true
	}
	current.writes++
	current.last = time.Now()
}

// changed records a write that the source alone is the reason for. It is not
// counted, where there is a count of how often the object came and went.
func (f *driftBackoff) changed(o object, intent mirror.Hash) {
	if fight := f.current(o); fight != nil && fight.deleted {
		fight.intent, fight.made = intent, true
		return
	}
	f.wrote(o, intent)
}

// contested reports whether an object is fought over, and when that will be forgotten
// if nothing happens.
func (f *driftBackoff) contested(o object) (bool, time.Duration) {
	fight := f.current(o)
	if fight == nil || fight.pause() == 0 {
		return false, 0
	}
	return true, fight.calmAfter() - time.Since(fight.last)
}

// problem says what an object is fought over for.
func (f *driftBackoff) problem(o object) mirror.Problem {
	switch fight := f.current(o); {
	case fight == nil || !fight.deleted:
		return mirror.Contested("somebody keeps changing the mirror back; it is corrected less and less often until that ends. kubectl get --show-managed-fields shows who writes it")
	case fight.made:
		return mirror.Contested("whether a mirror is to be here keeps changing; it is made and deleted less and less often until that ends. kubectl get --show-managed-fields on the source and the namespace shows who writes them")
	}
	return mirror.Contested("somebody keeps making the mirror again that is not to be here; it is deleted less and less often until that ends. kubectl get --show-managed-fields shows who makes it")
}

func (f *driftBackoff) current(o object) *contest {
	fight := f.of[o]
	if fight != nil && time.Since(fight.last) >= fight.calmAfter() {
		delete(f.of, o)
		return nil
	}
	return fight
}
