package mirror

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// The bounds of a namespace's annotations that templates can read, in bytes: of one value,
// and of all. They are kept for each namespace whether or not a template reads them, so
// that one which comes to read them finds them there.
const (
	maxReadableValue = 1 << 10
	maxReadable      = 8 << 10
)

// readableAnnotations are those of a namespace that templates can read: by name, as many
// as fit. The object as it was applied is none: it is long, and what it says is out of date
// by the next change.
func readableAnnotations(all map[string]string) map[string]string {
	var readable map[string]string
	size := 0
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := all[key]
		if key == corev1.LastAppliedConfigAnnotation || len(value) > maxReadableValue {
			continue
		}
		if size += len(key) + len(value); size > maxReadable {
			break
		}
		if readable == nil {
			readable = map[string]string{}
		}
		readable[key] = value
	}
	return readable
}

// SameAnnotations reports whether nothing has changed of the annotations that templates
// can read.
func (n *Namespace) SameAnnotations(before *Namespace) bool {
	return before != nil && maps.Equal(n.Annotations, before.Annotations)
}

// ReadsAnnotations reports whether the mirrors of a source depend on annotations of their
// namespaces.
func (s *Source) ReadsAnnotations() bool { return s.reads.Annotations }

// IsConcernedBy reports whether a change of a namespace, from one form to another, can
// change what the source has there, or what is said of it; nil is a namespace that isn't
// there.
func (s *Source) IsConcernedBy(before, after *Namespace) bool {
	switch {
	case before == nil, after == nil, before.UID != after.UID, before.Terminating != after.Terminating:
		return true
	case before.Unreadable != after.Unreadable, before.Consent(s.From()) != after.Consent(s.From()):
		return true
	case s.reads.Labels && !maps.Equal(before.Labels, after.Labels), s.reads.Annotations && !after.SameAnnotations(before):
		return true
	}
	return s.Targets.Match(before) != s.Targets.Match(after)
}
