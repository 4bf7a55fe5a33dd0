package mirror

import (
	"maps"
	"slices"
	"strings"
)

// selection is which namespaces a source's mirrors go to.
type selection struct {
	// asked has the namespaces that the source asks for and that let it in.
	asked map[string]bool
	// chosen has those of them that the limit leaves; nil: not worked out.
	chosen map[string]bool
}

func newSelection() selection { return selection{asked: map[string]bool{}} }

// wants says whether a namespace is one of the source's targets, given the limit,
// and the namespaces where it has a mirror already.
func (s *selection) wants(namespace string, limit int, has map[string][]*Record) bool {
	return s.asked[namespace] && (!s.limited(limit) || s.choose(limit, has)[namespace])
}

// limited says whether there is a choice to make. Where there is none, an earlier
// one is forgotten: those count first then that have a mirror.
func (s *selection) limited(limit int) bool {
	if len(s.asked) <= limit {
		s.chosen = nil
	}
	return len(s.asked) > limit
}

// choose picks so many of the namespaces asked for: those first that were chosen
// before or have a mirror, so that a choice once made stays; then by name.
func (s *selection) choose(limit int, has map[string][]*Record) map[string]bool {
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
func (s *selection) targets(limit int, has map[string][]*Record) []string {
	if s.limited(limit) {
		return slices.Sorted(maps.Keys(s.choose(limit, has)))
	}
	return slices.Sorted(maps.Keys(s.asked))
}

// isTarget says whether a namespace is a target by the choice made last.
func (s *selection) isTarget(namespace string, limit int) bool {
	return s.asked[namespace] && (len(s.asked) <= limit || s.chosen[namespace])
}

// over is the number of namespaces asked for beyond the limit.
func (s *selection) over(limit int) int { return max(0, len(s.asked)-limit) }

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
