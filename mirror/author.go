package mirror

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unique"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Authors says how the authors of sources are known.
type Authors struct {
	// Issuer begins each stamp: the UID of what the policies that stamp have for a
	// parameter. They came with it, so that a stamp with another UID is from before
	// anybody saw to it that it is true.
	Issuer string
	// TrustedUsers and TrustedGroups may have anything mirrored anywhere.
	TrustedUsers, TrustedGroups []string
}

// Author is who last changed a source, as the API server knew him.
type Author struct {
	User   string
	Groups []string
}

// Of is the author of a source, or why nobody is known to be it.
func (a *Authors) Of(s *Source) (Author, *Problem) {
	issuer, author := s.SignedBy()
	if issuer != a.Issuer || a.Issuer == "" || author.User == "" {
		return Author{}, &Problem{Reason: ReasonNoAuthor, Failed: true,
			Text: "nobody is known to have written the source since authors are asked for their rights, so no mirror is made; set its annotation " +
				api.AnnotationAuthor + ` to "", which makes whoever does that its author`}
	}
	return author, nil
}

// SignedBy is what a source's stamp says: who issued it, and the author, of no name where it
// names none.
func (s *Source) SignedBy() (issuer string, author Author) {
	lines := strings.Split(s.Stamp(), "\n")
	if len(lines) < 2 {
		return lines[0], Author{}
	}
	return lines[0], Author{lines[1], lines[2:]}
}

// Trust reports whether an author is one of those that nobody is asked about.
func (a *Authors) Trust(author Author) bool {
	return slices.Contains(a.TrustedUsers, author.User) ||
		slices.ContainsFunc(author.Groups, func(group string) bool { return slices.Contains(a.TrustedGroups, group) })
}

// maxStamp bounds a stamp, in bytes: the policy writes none that is longer.
const maxStamp = 20 << 10

// maxKeys is the most labels, and the most annotations, of what policies look at.
const maxKeys = 500

func stampOf(labels, annotations map[string]string) unique.Handle[string] {
	stamp := annotations[api.AnnotationAuthor]
	if len(stamp) > maxStamp || len(labels) > maxKeys || len(annotations) > maxKeys {
		stamp = ""
	}
	return unique.Make(stamp)
}

// noStamp is the handle of what was read while nobody was asked about.
var noStamp unique.Handle[string]

// Stamp is the API server's word on who last changed it; empty where there is none.
func (s *Source) Stamp() string {
	if s.stamp == noStamp {
		return ""
	}
	return s.stamp.Value()
}

// Right is what one may or may not do: in a namespace, or in all of them where that is
// empty.
type Right struct {
	Verb, Group, Version, Resource string
	Namespace, Name                string
}

// Everywhere is the right to the same in all namespaces.
func (r Right) Everywhere() Right {
	r.Namespace = ""
	return r
}

// RightsIn are those that the author of a source must have in a namespace for a mirror to
// be made there: the ones that the API server would ask of him if he made it himself.
func (s *Source) RightsIn(resource schema.GroupVersionResource, namespace string) []Right {
	rights := []Right{{Verb: "create", Group: resource.Group, Version: resource.Version, Resource: resource.Resource, Namespace: namespace}}
	if s.StandsFor() {
		rights = append(rights, RightToRead(s))
	}
	if s.grants != nil {
		grants := *s.grants
		grants.Namespace = namespace
		rights = append(rights, grants)
	}
	return rights
}

// RightToRead is that to what a stand-in stands for.
func RightToRead(s *Source) Right {
	return Right{Verb: "get", Group: s.Of.Type.Group, Resource: s.Of.Type.Resource, Namespace: s.Of.Namespace, Name: s.Of.Name}
}

// GrantedBy is the source that hands itself out to a request; nil of any other source. Who
// stands for an object answers for its being read.
func GrantedBy(s *Source) *Source { return s.by }

// longestRole bounds the name of a role that is kept.
const longestRole = 1024

// grantsOf is the right to give the rights that a Role or a RoleBinding gives, as the
// policy on roles asks it; nil for other kinds.
func grantsOf(u *unstructured.Unstructured) *Right {
	kind := u.GroupVersionKind()
	if kind.Group != "rbac.authorization.k8s.io" {
		return nil
	}
	right := Right{Group: kind.Group, Version: kind.Version, Resource: "roles"}
	switch kind.Kind {
	case "Role":
		right.Verb, right.Name = "escalate", u.GetName()
	case "RoleBinding":
		right.Verb = "bind"
		name, _, _ := unstructured.NestedString(u.Object, "roleRef", "name")
		if len(name) <= longestRole { // else it takes the right to bind any
			right.Name = strings.Clone(name)
		}
		if role, _, _ := unstructured.NestedString(u.Object, "roleRef", "kind"); role != "Role" {
			right.Resource = "clusterroles"
		}
	default:
		return nil
	}
	return &right
}

// longestName bounds what a problem quotes of a name.
const longestName = 256

// MayNot is told where an author lacks a right in the namespace of a mirror.
func MayNot(author Author, right Right) Problem {
	what := schema.GroupResource{Group: right.Group, Resource: right.Resource}.String()
	if right.Name != "" {
		what += " " + strconv.Quote(bounded(right.Name, longestName))
	}
	return Problem{Reason: ReasonMayNot, Failed: true,
		Text: fmt.Sprintf("its author %q may not %s %s there, so no mirror is made; have him given that right, or let somebody who has it set the source's annotation %s to \"\"",
			bounded(author.User, longestName), right.Verb, what, api.AnnotationAuthor)}
}
