package discovery

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Name is a resource type as a user names it in --resource-types. The core
// group is the empty string.
type Name struct {
	Kind    string
	Version string
	Group   string
}

// String returns Kind.version, or Kind.version.group outside the core group.
func (n Name) String() string {
	if n.Group == "" {
		return n.Kind + "." + n.Version
	}
	return n.Kind + "." + n.Version + "." + n.Group
}

func (n Name) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: n.Group, Kind: n.Kind}
}

func (n Name) groupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: n.Group, Version: n.Version}
}

// version is narrower than what the API server takes (any DNS label): it must
// start like v1, so that a forgotten version ("Middleware.traefik.io") is an
// error at start and not a type that never appears.
var version = regexp.MustCompile(`^v[0-9][-a-z0-9]*$`)

// ParseTypes reads the value of --resource-types: a comma-separated list of
// Kind.version or Kind.version.group, with spaces around items allowed. An
// empty list means every type that can be mirrored. An item that is named twice
// counts once.
//
// The error is one line that names the item and what it takes. An item fails
// if it is not of that form, if its kind is never mirrored (contract, "Types
// that are never mirrored"), or if the list names its kind in another version
// too: a kind is mirrored in one version, or two copies of it would fight.
func ParseTypes(list string) ([]Name, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var names []Name
	versions := map[schema.GroupKind]Name{}
	for item := range strings.SplitSeq(list, ",") {
		name, err := parseName(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if reason, never := neverMirrored[name.groupKind()]; never {
			return nil, fmt.Errorf("resource type %q is never mirrored: %s", name, reason)
		}
		other, named := versions[name.groupKind()]
		if named && other != name {
			return nil, fmt.Errorf("resource type %q is named in another version too (%q): a kind is mirrored in one version, keep one of the two", name, other)
		}
		if !named {
			versions[name.groupKind()] = name
			names = append(names, name)
		}
	}
	return names, nil
}

func parseName(item string) (Name, error) {
	kind, rest, _ := strings.Cut(item, ".")
	ver, group, grouped := strings.Cut(rest, ".")
	switch {
	case len(validation.IsDNS1035Label(strings.ToLower(kind))) > 0,
		!version.MatchString(ver),
		grouped && len(validation.IsDNS1123Subdomain(group)) > 0,
		// The core group has this one version and will have no other.
		!grouped && ver != "v1":
		return Name{}, fmt.Errorf("resource type %q: want Kind.version or Kind.version.group, as in Secret.v1 or Ingress.v1.networking.k8s.io", item)
	}
	return Name{Kind: kind, Version: ver, Group: group}, nil
}
