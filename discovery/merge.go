package discovery

import (
	apidiscovery "k8s.io/api/apidiscovery/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// merge returns the types to go on with, sorted: those found, and of those that
// we had the ones that the answer does not show to be gone.
//
// Two kinds of type stay (invariant I5, design §4). One whose group version
// failed: nothing is known of it, so it stays as it was, and wins over another
// version of its kind, which would only be moved to and back. And one that is
// still served, with fewer verbs: a CustomResourceDefinition that is Terminating
// takes no more writes while finalizers pin its objects, and those finalizers
// are taken off by who still watches the type.
func merge(had, found []Type, a answer) []Type {
	served := map[Type]bool{}
	for gv, resource := range a.resources() {
		if resource.Scope == apidiscovery.ScopeNamespace {
			served[typeOf(gv, resource)] = true
		}
	}
	next := map[schema.GroupKind]Type{}
	for _, t := range found {
		next[t.groupKind()] = t
	}
	for _, t := range had {
		_, replaced := next[t.groupKind()]
		if a.failed[t.groupVersion()] != nil || served[t] && !replaced {
			next[t.groupKind()] = t
		}
	}
	types := make([]Type, 0, len(next))
	for _, t := range next {
		types = append(types, t)
	}
	sortTypes(types)
	return types
}

// difference returns the types of a that are not in b, as text for a log line.
func difference(a, b []Type) []string {
	in := map[Type]bool{}
	for _, t := range b {
		in[t] = true
	}
	out := []string{}
	for _, t := range a {
		if !in[t] {
			out = append(out, t.String())
		}
	}
	return out
}
