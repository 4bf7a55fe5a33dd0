package discovery

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// unavailable is a named type that can't be mirrored now, why, and what to do.
type unavailable struct {
	name   Name
	reason string
}

// filter returns the types that can be mirrored of those served, sorted.
//
// With no names, these are all kinds but those that are never mirrored or only when
// named, and those of Kubernetes' own that are not known yet, each in one version: the
// server's preferred one, or where that does not serve the kind the first in the
// server's order that does. With names, these are the named ones in the versions
// named, and those that are not among them are returned too, unless their group
// version failed: of that nothing is known.
func filter(r serverResources, named []Name) ([]Type, []unavailable) {
	if len(named) > 0 {
		return filterNamed(r, named)
	}
	return mirrorable(r), nil
}

// mirrorable returns the types that are mirrored without being named, each kind in one
// version.
func mirrorable(r serverResources) []Type {
	var types []Type
	seen := map[schema.GroupKind]bool{}
	for gv, resource := range r.all() {
		t := typeOf(gv, resource)
		_, never := neverMirrored[t.groupKind()]
		if never || seen[t.groupKind()] || onlyWhenNamed[t.groupKind()] || undecided(t.groupKind()) {
			continue
		}
		seen[t.groupKind()] = true
		if ineligible(resource) == "" {
			types = append(types, t)
		}
	}
	sortTypes(types)
	return types
}

// undecidedKinds returns the kinds that are left out because no list has them, sorted.
func undecidedKinds(r serverResources) []string {
	kinds := map[string]bool{}
	for gv, resource := range r.all() {
		if t := typeOf(gv, resource); undecided(t.groupKind()) && ineligible(resource) == "" {
			kinds[t.groupKind().String()] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

func filterNamed(r serverResources, named []Name) ([]Type, []unavailable) {
	served := map[Name]metav1.APIResource{}
	for gv, resource := range r.all() {
		served[typeOf(gv, resource).name()] = resource
	}
	var types []Type
	var absent []unavailable
	for _, name := range named {
		resource, ok := served[name]
		switch {
		case ok && ineligible(resource) == "":
			types = append(types, typeOf(name.groupVersion(), resource))
		case ok:
			absent = append(absent, unavailable{name, ineligible(resource)})
		case r.failed[name.groupVersion()] == nil:
			absent = append(absent, unavailable{name, "the API server does not serve it: install it or correct the name, it is picked up when it appears"})
		}
	}
	sortTypes(types)
	return types, absent
}

// all ranges over the group versions and their resources in the server's order,
// without subresources.
func (r serverResources) all() iter.Seq2[schema.GroupVersion, metav1.APIResource] {
	return func(yield func(schema.GroupVersion, metav1.APIResource) bool) {
		for _, list := range r.lists {
			gv, err := schema.ParseGroupVersion(list.GroupVersion)
			if err != nil {
				continue // it can't be asked for either
			}
			for _, resource := range list.APIResources {
				if strings.Contains(resource.Name, "/") {
					continue
				}
				if !yield(gv, resource) {
					return
				}
			}
		}
	}
}

func typeOf(gv schema.GroupVersion, resource metav1.APIResource) Type {
	return Type{Resource: gv.WithResource(resource.Name), Kind: resource.Kind}
}

// ineligible returns why objects of the resource can't be mirrored and what a user who
// named it can do, or "".
func ineligible(resource metav1.APIResource) string {
	if !resource.Namespaced {
		return "it is cluster-scoped: take it out of the list"
	}
	var lacking []string
	for _, verb := range neededVerbs {
		if !slices.Contains(resource.Verbs, verb) {
			lacking = append(lacking, verb)
		}
	}
	if len(lacking) > 0 && !terminating(resource) {
		return fmt.Sprintf("the API server does not let anyone %s it: take it out of the list", strings.Join(lacking, ", "))
	}
	return ""
}

// terminating reports whether the resource's CustomResourceDefinition is being deleted, by
// the verbs that the API server leaves to it then. That takes until the finalizers
// are off its objects, so it has to be watched even by who has just started.
func terminating(resource metav1.APIResource) bool {
	verbs := slices.Sorted(slices.Values(resource.Verbs))
	return slices.Equal(verbs, []string{"delete", "deletecollection", "get", "list", "watch"})
}
