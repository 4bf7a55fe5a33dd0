package mirror

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Standing is what an object with the mirror label is to us (contract, "mirror" and
// "foreign object"; I1). Labels travel: operators copy them to the children that they
// make, people export a mirror and apply it elsewhere. So a mirror says of itself
// which object it is.
type Standing int8

// Only Foreign objects are left alone altogether.
const (
	// Foreign is what is no mirror: its mirror-id is another object's, it names no
	// source, or it is a source itself.
	Foreign Standing = iota
	// Adoptable names a source, but not itself: it may be a mirror from before there
	// was a mirror-id. The source that it names takes it over if it wants a mirror of
	// just this name here; nobody deletes it.
	Adoptable
	// Unmarked is such an object of which the server says that we wrote the label.
	Unmarked
	// Marked names itself: a mirror.
	Marked
)

// IsMirror reports whether it is a mirror.
func (s Standing) IsMirror() bool { return s >= Unmarked }

// StandingOf tells what an object is to us by its metadata alone.
func StandingOf(resource schema.GroupResource, o metav1.Object) Standing {
	return standingOf(resource, o, func() bool {
		ours := ownershipOf(o.GetManagedFields())
		return ours.wroteLabel(api.LabelMirror)
	})
}

// standingOf is StandingOf where it is known already who wrote the label.
func standingOf(resource schema.GroupResource, o metav1.Object, wroteLabel func() bool) Standing {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	enabled, selected := labels[api.LabelEnabled]
	switch id := annotations[api.AnnotationMirrorID]; {
	case labels[api.LabelMirror] != "true", selected && enabled != "false", originIn(resource, annotations) == origin{}:
		return Foreign
	case id == MirrorID(resource, o.GetNamespace(), o.GetName()):
		return Marked
	case id != "":
		return Foreign
	case wroteLabel():
		return Unmarked
	}
	return Adoptable
}

// MirrorID names one object, as "deployments.apps/team-a/web".
func MirrorID(resource schema.GroupResource, namespace, name string) string {
	return resource.String() + "/" + namespace + "/" + name
}
