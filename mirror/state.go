package mirror

import (
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// state is what the controller remembers of a source between two looks at it. All
// of it is built again after a restart. The Controller's lock guards it.
type state struct {
	// asked has the namespaces that the source asks for and that let it in.
	asked map[string]bool
	// chosen has those of them that the limit leaves; nil: not worked out.
	chosen map[string]bool
	// again says that every namespace of the source is to be looked at.
	again bool
	// pending are the namespaces that are still to be looked at, with the moment since
	// when. The status is written when there are none.
	pending map[string]time.Time
	// drifting are those that are to be looked at only because a mirror changed: what
	// is written there then corrects drift.
	drifting map[string]bool
	// writing is the number of writes that the server has not answered yet: the
	// finalizer must not go before what they make is known.
	writing int
	// problems are those of the last look at each namespace.
	problems map[string][]Problem
	// told are the problems that its author was told of last.
	told []Problem
	// absentSince is when a live GET said that the source is gone, or one no more.
	absentSince time.Time
	// deselected says that it was there, and without the label.
	deselected bool
	// last is the source as it was when it went from our sight; nil while it is to be
	// seen, and when it has been looked for.
	last *Source
	// wrote is the resource version of our last patch of the source.
	wrote string
	// released is the source that we took our finalizer off because it goes: it may
	// be gone for good, and then no resource version tells.
	released types.UID
	// removed are the mirrors that were deleted for another reason than the source's,
	// and that its author has not been told of yet.
	removed map[string][]Problem
	// since is when the source stopped being in sync; zero while it is.
	since time.Time
}

func newState() *state {
	return &state{asked: map[string]bool{}, pending: map[string]time.Time{}, drifting: map[string]bool{}, problems: map[string][]Problem{}}
}

// wants says whether a namespace is one of the source's targets, given the limit,
// and the namespaces where it has a mirror already.
func (s *state) wants(namespace string, limit int, has map[string][]*Record) bool {
	return s.asked[namespace] && (!s.limited(limit) || s.choose(limit, has)[namespace])
}

// limited says whether there is a choice to make. Where there is none, an earlier
// one is forgotten: those count first then that have a mirror.
func (s *state) limited(limit int) bool {
	if len(s.asked) <= limit {
		s.chosen = nil
	}
	return len(s.asked) > limit
}

// choose picks so many of the namespaces asked for: those first that were chosen
// before or have a mirror, so that a choice once made stays; then by name.
func (s *state) choose(limit int, has map[string][]*Record) map[string]bool {
	if s.chosen != nil && len(s.chosen) == min(limit, len(s.asked)) && subset(s.chosen, s.asked) {
		return s.chosen
	}
	names := slices.SortedFunc(maps.Keys(s.asked), func(a, b string) int {
		if first := rank(s.chosen[a] || len(has[a]) > 0) - rank(s.chosen[b] || len(has[b]) > 0); first != 0 {
			return first
		}
		return strings.Compare(a, b)
	})
	s.chosen = map[string]bool{}
	for _, name := range names[:min(limit, len(names))] {
		s.chosen[name] = true
	}
	return s.chosen
}

// targets lists the targets by name.
func (s *state) targets(limit int, has map[string][]*Record) []string {
	if s.limited(limit) {
		return slices.Sorted(maps.Keys(s.choose(limit, has)))
	}
	return slices.Sorted(maps.Keys(s.asked))
}

// isTarget says whether a namespace is a target by the choice made last.
func (s *state) isTarget(namespace string, limit int) bool {
	return s.asked[namespace] && (len(s.asked) <= limit || s.chosen[namespace])
}

// over is the number of namespaces asked for beyond the limit.
func (s *state) over(limit int) int { return max(0, len(s.asked)-limit) }

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

func subset(a, b map[string]bool) bool {
	for key := range a {
		if !b[key] {
			return false
		}
	}
	return true
}
