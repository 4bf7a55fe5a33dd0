package mirror

import (
	"github.com/lukaszraczylo/kubemirror/pattern"
	"github.com/lukaszraczylo/kubemirror/transform"
)

// Settings is what the flags say (contract, "Flags"). It doesn't change while
// the process lives.
type Settings struct {
	// MaxTargets is the most targets of a source.
	MaxTargets int
	// Sources are the namespaces where sources are honoured; empty means all. What
	// comes from elsewhere, mirrors included, is left alone: it may be another
	// process's.
	Sources pattern.List
	// Included and Excluded are target namespaces; empty Included means all, and
	// Excluded wins.
	Included, Excluded pattern.List
	// Strip has the labels and annotations that mirrors don't get; see ParseStrip.
	Strip Strip
	// Authors is how authors are known and whom of them nobody is asked about; nil where
	// none is asked about.
	Authors *Authors
	// Transform bounds the transformation rules of a source.
	Transform transform.Limits
}

// TargetAllowed reports whether the flags let a namespace be a target.
func (s *Settings) TargetAllowed(namespace string) bool {
	return !s.Excluded.Match(namespace) && (s.Included.Empty() || s.Included.Match(namespace))
}

// SourceAllowed reports whether sources are honoured in a namespace.
func (s *Settings) SourceAllowed(namespace string) bool {
	return s.Sources.Empty() || s.Sources.Match(namespace)
}
