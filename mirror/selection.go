package mirror

import (
	"maps"
	"slices"
	"strings"
)

// Selection is which namespaces a source's mirrors go to.
type Selection struct {
	// Requested has the namespaces that the source asks for and that let it in.
	Requested map[string]bool
	// Selected has those of them that the limit leaves; nil: not worked out.
	Selected map[string]bool
	// Missing are the names that it asks for and no namespace has.
	Missing []string
	// OnRequest is how many namespaces it is handed out to because they ask for it.
	OnRequest int
}

// NewSelection is that of a source that asks for nothing.
func NewSelection() Selection { return Selection{Requested: map[string]bool{}} }

// Wants reports whether a namespace is one of the source's targets, given the limit,
// and the namespaces where it has a mirror already.
func (s *Selection) Wants(namespace string, limit int, has map[string][]*Record) bool {
	return s.Requested[namespace] && (!s.limited(limit) || s.choose(limit, has)[namespace])
}

// limited reports whether there is a choice to make. Where there is none, an earlier
// one is forgotten: those count first then that have a mirror.
func (s *Selection) limited(limit int) bool {
	if len(s.Requested) <= limit {
		s.Selected = nil
	}
	return len(s.Requested) > limit
}

// choose picks so many of the namespaces asked for: those first that were chosen
// before or have a mirror, so that a choice once made stays; then by name.
func (s *Selection) choose(limit int, has map[string][]*Record) map[string]bool {
	if s.Selected != nil && len(s.Selected) == min(limit, len(s.Requested)) && subset(s.Selected, s.Requested) {
		return s.Selected
	}
	names := slices.SortedFunc(maps.Keys(s.Requested), func(a, b string) int {
		if first := rank(s.Selected[a] || len(has[a]) > 0) - rank(s.Selected[b] || len(has[b]) > 0); first != 0 {
			return first
		}
		return strings.Compare(a, b)
	})
	s.Selected = map[string]bool{}
	for _, name := range names[:min(limit, len(names))] {
		s.Selected[name] = true
	}
	return s.Selected
}

// Targets lists the targets by name.
func (s *Selection) Targets(limit int, has map[string][]*Record) []string {
	if s.limited(limit) {
		return slices.Sorted(maps.Keys(s.choose(limit, has)))
	}
	return slices.Sorted(maps.Keys(s.Requested))
}

// isTarget reports whether a namespace is a target by the choice made last.
func (s *Selection) isTarget(namespace string, limit int) bool {
	return s.Requested[namespace] && (len(s.Requested) <= limit || s.Selected[namespace])
}

// Excess is the number of namespaces asked for beyond the limit.
func (s *Selection) Excess(limit int) int { return max(0, len(s.Requested)-limit) }

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
