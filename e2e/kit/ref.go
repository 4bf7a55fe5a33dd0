package kit

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names an object that may or may not be there.
type Ref struct {
	// Kind is Kind, Kind.version or Kind.version.group, as in
	// --resource-types; the version is v1 where there is none.
	Kind string
	// Namespace is empty for what belongs to none.
	Namespace string
	// Name is the object's name.
	Name string
}

// Object names an object: Object("Secret", "app", "credentials").
func Object(kind, namespace, name string) Ref { return Ref{kind, namespace, name} }

// RefTo names an object that we hold.
func RefTo(o *unstructured.Unstructured) Ref {
	gvk := o.GroupVersionKind()
	kind := gvk.Kind + "." + gvk.Version
	if gvk.Group != "" {
		kind += "." + gvk.Group
	}
	return Ref{kind, o.GetNamespace(), o.GetName()}
}

// In is the object of the same kind and name in another namespace.
func (r Ref) In(namespace string) Ref {
	r.Namespace = namespace
	return r
}

// String is the reference as a person would say it.
func (r Ref) String() string {
	if r.Namespace == "" {
		return fmt.Sprintf("%s %s", r.Kind, r.Name)
	}
	return fmt.Sprintf("%s %s/%s", r.Kind, r.Namespace, r.Name)
}

// gvk reads a kind as Ref.Kind describes it.
func gvk(kind string) schema.GroupVersionKind {
	parts := append(strings.SplitN(kind, ".", 3), "", "")
	if parts[1] == "" {
		parts[1] = "v1"
	}
	return schema.GroupVersionKind{Kind: parts[0], Version: parts[1], Group: parts[2]}
}
