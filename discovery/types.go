package discovery

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Type is a resource type that can be mirrored: where the server serves it, and
// the kind of its objects. It is comparable, and written as in --resource-types.
type Type struct {
	Resource schema.GroupVersionResource
	Kind     string
}

// String returns Kind.version, or Kind.version.group outside the core group.
func (t Type) String() string { return t.name().String() }

func (t Type) name() Name {
	return Name{Kind: t.Kind, Version: t.Resource.Version, Group: t.Resource.Group}
}

func (t Type) groupVersion() schema.GroupVersion { return t.Resource.GroupVersion() }

func (t Type) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: t.Resource.Group, Kind: t.Kind}
}

// sortTypes brings types into the one order in which sets of them are compared
// and logged: by group, kind and version.
func sortTypes(types []Type) {
	slices.SortFunc(types, func(a, b Type) int {
		return cmp.Or(
			cmp.Compare(a.Resource.Group, b.Resource.Group),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Resource.Version, b.Resource.Version),
			cmp.Compare(a.Resource.Resource, b.Resource.Resource),
		)
	})
}
