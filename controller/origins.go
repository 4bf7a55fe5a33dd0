package controller

import (
	"context"
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Some sources have their mirrors made of something else than themselves (mirror.Standing,
// mirror.Granted). What a stand-in stands for is watched by its one name; what a request
// asks for is a source, and known as such. Either way the source is what its own
// annotations say with that put into it, and all else treats it like any other.

// origins has who depends on what. The cache's lock guards it.
type origins struct {
	// of has what each such source depends on, and dependents the same the other way round.
	of         map[mirror.SourceKey]mirror.SourceKey
	dependents map[mirror.SourceKey]map[mirror.SourceKey]bool
	// watched has the objects that stand-ins stand for.
	watched map[mirror.SourceKey]*watchedOrigin
	// grantedBy has the source that hands itself out to a request, takers how many requests
	// a source is handed out to.
	grantedBy map[mirror.SourceKey]mirror.SourceKey
	takers    map[mirror.SourceKey]int
}

type watchedOrigin struct {
	unwatch context.CancelFunc
	since   time.Time
	// seen says that the watch has told whether it is there.
	seen bool
}

func newOrigins() *origins {
	return &origins{of: map[mirror.SourceKey]mirror.SourceKey{}, dependents: map[mirror.SourceKey]map[mirror.SourceKey]bool{}, watched: map[mirror.SourceKey]*watchedOrigin{}, grantedBy: map[mirror.SourceKey]mirror.SourceKey{}, takers: map[mirror.SourceKey]int{}}
}

// depend notes what a source depends on. It reports whether that is new.
func (o *origins) depend(key, on mirror.SourceKey) bool {
	if before, ok := o.of[key]; ok && before == on {
		return false
	}
	o.release(key)
	o.of[key] = on
	if o.dependents[on] == nil {
		o.dependents[on] = map[mirror.SourceKey]bool{}
	}
	o.dependents[on][key] = true
	return true
}

// release notes that a source depends on nothing any more, and ends the watch of what
// nobody stands for.
func (o *origins) release(key mirror.SourceKey) {
	on, ok := o.of[key]
	if !ok {
		return
	}
	delete(o.of, key)
	o.grant(key, nil)
	if delete(o.dependents[on], key); len(o.dependents[on]) == 0 {
		delete(o.dependents, on)
	}
	if w := o.watched[on]; w != nil && !o.anyStandsFor(on) {
		w.unwatch()
		delete(o.watched, on)
	}
}

// anyStandsFor reports whether there is a stand-in for an object: they are in its namespace.
func (o *origins) anyStandsFor(on mirror.SourceKey) bool {
	for key := range o.dependents[on] {
		if key.Namespace == on.Namespace {
			return true
		}
	}
	return false
}

// grant notes which source hands itself out to a request; nil is none. It returns those of
// which that changes how many take them.
func (o *origins) grant(key mirror.SourceKey, by *mirror.Source) (changed []mirror.SourceKey) {
	before, was := o.grantedBy[key]
	if was && by != nil && by.SourceKey() == before {
		return nil
	}
	if was {
		if o.takers[before]--; o.takers[before] == 0 {
			delete(o.takers, before)
		}
		delete(o.grantedBy, key)
		changed = append(changed, before)
	}
	if by != nil {
		o.grantedBy[key] = by.SourceKey()
		o.takers[by.SourceKey()]++
		changed = append(changed, by.SourceKey())
	}
	return changed
}
