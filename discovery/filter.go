package discovery

import (
	"fmt"
	"slices"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// answer is what the API server said when it was asked what it serves.
type answer struct {
	// groups are the API groups, each with its versions in the server's order
	// of preference. A version that failed is not among them.
	groups []apidiscovery.APIGroupDiscovery
	// failed are the group versions that the server knows of and could not
	// describe now, with the reason: stale in aggregated discovery, or
	// answered with an error where each was asked for on its own.
	failed map[schema.GroupVersion]error
}

// missing is a named type that can't be mirrored now, why, and what to do.
type missing struct {
	name   Name
	reason string
}

// filter returns the types of the answer that can be mirrored, sorted.
//
// With no names, these are all kinds but those on the contract's two lists, each
// in one version: the server's preferred one, or where that does not serve the
// kind the first in the server's order that does. With names, these are the
// named ones in the versions named, and those that are not among them are
// returned too, unless their group version failed: of that nothing is known.
func filter(a answer, named []Name) ([]Type, []missing) {
	if len(named) > 0 {
		return filterNamed(a, named)
	}
	var types []Type
	seen := map[schema.GroupKind]bool{}
	for gv, resource := range a.resources() {
		t := typeOf(gv, resource)
		_, never := neverMirrored[t.groupKind()]
		if never || onlyWhenNamed[t.groupKind()] || seen[t.groupKind()] {
			continue
		}
		seen[t.groupKind()] = true
		if unfit(resource) == "" {
			types = append(types, t)
		}
	}
	sortTypes(types)
	return types, nil
}

func filterNamed(a answer, named []Name) ([]Type, []missing) {
	served := map[Name]apidiscovery.APIResourceDiscovery{}
	for gv, resource := range a.resources() {
		served[typeOf(gv, resource).name()] = resource
	}
	var types []Type
	var absent []missing
	for _, name := range named {
		resource, ok := served[name]
		switch {
		case ok && unfit(resource) == "":
			types = append(types, typeOf(name.groupVersion(), resource))
		case ok:
			absent = append(absent, missing{name, unfit(resource)})
		case a.failed[name.groupVersion()] == nil:
			absent = append(absent, missing{name, "the API server does not serve it: install it or correct the name, it is picked up when it appears"})
		}
	}
	sortTypes(types)
	return types, absent
}

// resources ranges over the group versions and their resources in the server's
// order. Subresources are not among them, nor are resources without a kind, of
// which only subresources are served.
func (a answer) resources() func(yield func(schema.GroupVersion, apidiscovery.APIResourceDiscovery) bool) {
	return func(yield func(schema.GroupVersion, apidiscovery.APIResourceDiscovery) bool) {
		for _, group := range a.groups {
			for _, version := range group.Versions {
				gv := schema.GroupVersion{Group: group.Name, Version: version.Version}
				for _, resource := range version.Resources {
					if resource.ResponseKind == nil || resource.ResponseKind.Kind == "" {
						continue
					}
					if !yield(gv, resource) {
						return
					}
				}
			}
		}
	}
}

func typeOf(gv schema.GroupVersion, resource apidiscovery.APIResourceDiscovery) Type {
	return Type{Resource: gv.WithResource(resource.Resource), Kind: resource.ResponseKind.Kind}
}

// unfit returns why objects of the resource can't be mirrored and what a user who
// named it can do, or "".
func unfit(resource apidiscovery.APIResourceDiscovery) string {
	if resource.Scope != apidiscovery.ScopeNamespace {
		return "it is cluster-scoped: take it out of the list"
	}
	var lacking []string
	for _, verb := range neededVerbs {
		if !slices.Contains(resource.Verbs, verb) {
			lacking = append(lacking, verb)
		}
	}
	if len(lacking) > 0 && !goes(resource) {
		return fmt.Sprintf("the API server does not let anyone %s it: take it out of the list", strings.Join(lacking, ", "))
	}
	return ""
}

// goes reports whether the resource's CustomResourceDefinition is being deleted, by
// the verbs that the API server leaves to it then. That takes until the finalizers
// are off its objects, so it has to be watched even by who has just started.
func goes(resource apidiscovery.APIResourceDiscovery) bool {
	verbs := slices.Sorted(slices.Values(resource.Verbs))
	return slices.Equal(verbs, []string{"delete", "deletecollection", "get", "list", "watch"})
}
