package controller

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Some sources have their mirrors made of something else than themselves (mirror.Standing,
// mirror.Granted). What a stand-in stands for is watched by its one name; what a request
// asks for is a source, and known as such. Either way the source is what its own
// annotations say with that put into it, and all else treats it like any other.

// maxOrigins bounds how many objects are watched by their names for stand-ins, maxOriginsBy
// how many of one namespace: a watch takes some 200 KB, and anybody may write stand-ins.
const (
	maxOrigins   = 250
	maxOriginsBy = 100
)

type sourceKeys = map[mirror.SourceKey]bool

// origins has who depends on what. The cache's lock guards it.
type origins struct {
	// of has what each stand-in and request depends on; standIns and requests have the same
	// the other way round.
	of                 map[mirror.SourceKey]mirror.SourceKey
	standIns, requests map[mirror.SourceKey]sourceKeys
	// watched has the objects that stand-ins stand for, and unwatched the stand-ins for which
	// there was no room.
	watched   map[mirror.SourceKey]*watchedOrigin
	byTenant  map[string]int
	unwatched sourceKeys
	// unclear has the sources, by namespace, that don't say clearly what they depend on.
	unclear map[string]sourceKeys
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
	return &origins{
		of: map[mirror.SourceKey]mirror.SourceKey{}, standIns: map[mirror.SourceKey]sourceKeys{}, requests: map[mirror.SourceKey]sourceKeys{},
		watched: map[mirror.SourceKey]*watchedOrigin{}, byTenant: map[string]int{}, unwatched: sourceKeys{}, unclear: map[string]sourceKeys{},
		grantedBy: map[mirror.SourceKey]mirror.SourceKey{}, takers: map[mirror.SourceKey]int{},
	}
}

// dependents are the stand-ins for an object, or the requests for a source.
func (o *origins) dependents(key, on mirror.SourceKey) map[mirror.SourceKey]sourceKeys {
	if key.Namespace == on.Namespace {
		return o.standIns
	}
	return o.requests
}

// depend notes what a source depends on.
func (o *origins) depend(key, on mirror.SourceKey) {
	o.of[key] = on
	put(o.dependents(key, on), on, key)
}

// release notes that a source depends on nothing any more. It returns the source whose number
// of takers that changes, and whether the watch has ended of what nobody stands for any more.
func (o *origins) release(key mirror.SourceKey) (told []mirror.SourceKey, ended bool) {
	take(o.unclear, key.Namespace, key)
	delete(o.unwatched, key)
	on, ok := o.of[key]
	if !ok {
		return nil, false
	}
	delete(o.of, key)
	take(o.dependents(key, on), on, key)
	if o.standIns[on] == nil {
		ended = o.unwatch(on)
	}
	return o.grant(key, nil), ended
}

// watch notes that an object is watched, if there is room.
func (o *origins) watch(on mirror.SourceKey, unwatch context.CancelFunc) bool {
	if len(o.watched) >= maxOrigins || o.byTenant[on.Namespace] >= maxOriginsBy {
		return false
	}
	o.watched[on] = &watchedOrigin{unwatch: unwatch, since: time.Now()}
	o.byTenant[on.Namespace]++
	return true
}

// unwatch ends the watch of an object, if there is one.
func (o *origins) unwatch(on mirror.SourceKey) bool {
	w := o.watched[on]
	if w == nil {
		return false
	}
	w.unwatch()
	delete(o.watched, on)
	if o.byTenant[on.Namespace]--; o.byTenant[on.Namespace] == 0 {
		delete(o.byTenant, on.Namespace)
	}
	return true
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

// grantors are the names of those who may hand out what is asked for under a name, in their
// order: the source of that name, and the stand-ins for it.
func (o *origins) grantors(of mirror.SourceKey) []mirror.SourceKey {
	return append([]mirror.SourceKey{of}, slices.SortedFunc(maps.Keys(o.standIns[of]), mirror.CompareSources)...)
}

func put[K comparable](sets map[K]sourceKeys, at K, key mirror.SourceKey) {
	if sets[at] == nil {
		sets[at] = sourceKeys{}
	}
	sets[at][key] = true
}

func take[K comparable](sets map[K]sourceKeys, at K, key mirror.SourceKey) {
	if delete(sets[at], key); len(sets[at]) == 0 {
		delete(sets, at)
	}
}
