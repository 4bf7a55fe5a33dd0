package discovery

import "k8s.io/apimachinery/pkg/runtime/schema"

// merge returns the types to go on with, sorted: those found, and of those that
// we had the ones that the server does not show to be gone.
//
// Two kinds of type stay (invariant I5, design §4). One whose group version
// failed: nothing is known of it, so it stays as it was, and wins over another
// version of its kind, which would only be moved to and back. And one that is
// still served, with fewer verbs: a CustomResourceDefinition that is Terminating
// takes no more writes while finalizers pin its objects, and those finalizers
// are taken off by who still watches the type.
func merge(had, found []Type, r serverResources) []Type {
	served := map[Type]bool{}
	for gv, resource := range r.all() {
		if resource.Namespaced {
			served[typeOf(gv, resource)] = true
		}
	}
	next := map[schema.GroupKind]Type{}
	for _, t := range found {
		next[t.groupKind()] = t
	}
	for _, t := range had {
		_, replaced := next[t.groupKind()]
		if r.failed[t.groupVersion()] != nil || served[t] && !replaced {
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
