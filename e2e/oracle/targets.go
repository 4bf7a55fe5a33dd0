package oracle

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// mode is what a source is about.
type mode int

const (
	off     mode = iota // it wants no mirrors
	on                  // it wants those that it asks for
	paused              // its author has paused it
	stopped             // it can't be read
)

// known are the annotations that mean something on a source.
var known = []string{"sync", "target-namespaces", "target-selector", "target-name", "max-targets", "transform", "transform-strict", "exclude", "paused",
	"recreate-on-immutable-change", "on-delete", "sync-status", "failed-targets"}

func modeOf(o *unstructured.Unstructured) mode {
	a := o.GetAnnotations()
	switch {
	case o.GetLabels()[domain+"enabled"] != "true", a[domain+"sync"] != "true", a[domain+"exclude"] == "true", o.GetDeletionTimestamp() != nil:
		return off
	case a[domain+"paused"] == "true":
		return paused
	}
	if _, err := rulesOf(o); err != nil {
		return stopped
	}
	if text, says := a[domain+"max-targets"]; says {
		if n, err := strconv.Atoi(text); err != nil || n < 1 {
			return stopped
		}
	}
	for key := range a {
		if own, ours := strings.CutPrefix(key, domain); ours && !slices.Contains(known, own) {
			return stopped
		}
	}
	return on
}

func matchAny(globs []string, name string) bool {
	for _, glob := range globs {
		if matched, err := path.Match(glob, name); err == nil && matched {
			return true
		}
	}
	return false
}

// asks reports whether a source asks for a namespace.
func asks(source, namespace *unstructured.Unstructured) bool {
	asked := false
	a := source.GetAnnotations()
	for item := range strings.SplitSeq(a[domain+"target-namespaces"], ",") {
		glob, not := strings.CutPrefix(strings.TrimSpace(item), "!")
		matched := glob == "all" || matchAny([]string{glob}, namespace.GetName())
		if glob == "all-labeled" {
			matched = namespace.GetLabels()[domain+"allow-mirrors"] == "true"
		}
		if matched && not {
			return false // wherever it stands, and whatever else asks
		}
		asked = asked || matched
	}
	if text := a[domain+"target-selector"]; text != "" {
		selector, err := labels.Parse(text)
		asked = asked || err == nil && selector.Matches(labels.Set(namespace.GetLabels()))
	}
	return asked
}

// admits reports whether a namespace lets mirrors of a source in.
func admits(namespace, source *unstructured.Unstructured) bool {
	if value, says := namespace.GetLabels()[domain+"allow-mirrors"]; says && value != "true" {
		return false
	}
	from, says := namespace.GetAnnotations()[domain+"allow-from"]
	return !says || matchAny(strings.Split(strings.ReplaceAll(from, " ", ""), ","), source.GetNamespace())
}

// nameOf is the name that a source's mirrors are to have.
func nameOf(source *unstructured.Unstructured) string {
	if name := source.GetAnnotations()[domain+"target-name"]; name != "" {
		return name
	}
	return source.GetName()
}

// wants are the places in which a source wants a mirror: those that it asks for, and no
// more than its own limit lets it have. Where it had one at the last rest comes first.
func (s *State) wants(source *unstructured.Unstructured) []Place {
	places := s.asked(source)
	limit, err := strconv.Atoi(source.GetAnnotations()[domain+"max-targets"])
	if err != nil || len(places) <= limit {
		return places
	}
	had := func(place Place) bool {
		whole, is := s.Before[place]
		return is && SourceOf(whole) == PlaceOf(source)
	}
	var first, then []Place
	for _, place := range places {
		if had(place) {
			first = append(first, place)
		} else {
			then = append(then, place)
		}
	}
	chosen := append(first, then...)[:limit]
	slices.SortFunc(chosen, byNamespace)
	return chosen
}

func byNamespace(a, b Place) int { return strings.Compare(a.Namespace, b.Namespace) }

// asked are the places in which a source asks for a mirror and may have one.
func (s *State) asked(source *unstructured.Unstructured) []Place {
	if modeOf(source) != on || !matchAny(s.Honoured, source.GetNamespace()) {
		return nil
	}
	var places []Place
	for i := range s.Namespaces {
		ns := &s.Namespaces[i]
		if ns.GetName() == source.GetNamespace() || ns.GetDeletionTimestamp() != nil || !matchAny(s.Included, ns.GetName()) {
			continue
		}
		if asks(source, ns) && admits(ns, source) {
			places = append(places, Place{source.GetKind(), ns.GetName(), nameOf(source)})
		}
	}
	slices.SortFunc(places, byNamespace)
	return places
}

// missing are the names that a source asks for and no namespace has.
func (s *State) missing(source *unstructured.Unstructured) []string {
	var missing []string
	if !matchAny(s.Honoured, source.GetNamespace()) {
		return nil
	}
	for item := range strings.SplitSeq(source.GetAnnotations()[domain+"target-namespaces"], ",") {
		name := strings.TrimSpace(item)
		isName := name != "" && name != "all" && name != "all-labeled" && !strings.ContainsAny(name, "*?!")
		is := func(ns unstructured.Unstructured) bool { return ns.GetName() == name }
		if !isName || name == source.GetNamespace() || slices.Contains(missing, name) || !matchAny(s.Included, name) || slices.ContainsFunc(s.Namespaces, is) {
			continue
		}
		ns := unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": name}}}
		if asks(source, &ns) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Wanted has the sources that want a mirror in a place: one of them is to have it. Where
// a source of the place is frozen, nothing is to happen to what it has: see Frozen.
func (s *State) Wanted() map[Place][]Place {
	wanted := map[Place][]Place{}
	for i := range s.Objects {
		source := &s.Objects[i]
		for _, place := range s.wants(source) {
			if _, inTheWay := s.Foreign[place]; !inTheWay {
				wanted[place] = append(wanted[place], PlaceOf(source))
			}
		}
	}
	return wanted
}

// Frozen has the mirrors, as they were, of sources that are paused or can't be read.
func (s *State) Frozen() map[Place]string {
	frozen := map[Place]string{}
	for place, whole := range s.Before {
		source := s.find(SourceOf(whole))
		if source != nil && modeOf(source) >= paused {
			frozen[place] = whole
		}
	}
	return frozen
}
