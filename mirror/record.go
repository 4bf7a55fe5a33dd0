package mirror

import (
	"strings"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Record is what is kept of an object with the mirror label: whose it says that
// it is, and what is known of what it holds. Its size doesn't depend on the object's
// (I6), but for what others put there, within bounds. Of a Foreign one nothing is kept
// but its identity.
//
// There is one for each mirror in the cluster: fields are in the order in which they take
// the least room, and what mirrors of a source have in common is kept once.
type Record struct {
	Identity
	origin unique.Handle[origin]
	// Metadata is a hash of the labels and annotations that are ours, less the stamps.
	Metadata Hash
	// Unmanaged is what others added; nil where there is nothing, as is usual.
	Unmanaged *Unmanaged
	Knowledge
	Standing Standing
	// Stamped says that the stamps are there and nobody else wrote them.
	Stamped bool
	// Generation says that there is a stamp of the source's generation.
	Generation  bool
	Terminating bool
	// DeleteRequested says that we have asked the server to delete it.
	DeleteRequested bool
	// Refused says that the server has refused a write on this version.
	Refused bool
	// HasStatus says that its status is a part of the object, which a write of ours has
	// to carry along.
	HasStatus bool
}

// origin is what a mirror says of its source.
type origin struct {
	name types.NamespacedName
	uid  string
}

// Source is the object that the mirror names as its source; empty where it names none.
func (r *Record) Source() types.NamespacedName { return r.of().name }

// SourceUID is the UID that its source had; empty where it names none.
func (r *Record) SourceUID() string { return r.of().uid }

func (r *Record) of() origin {
	if r.origin == (unique.Handle[origin]{}) {
		return origin{}
	}
	return r.origin.Value()
}

// TypeName is a kind as --resource-types has it: Kind.version or Kind.version.group.
func TypeName(gvk schema.GroupVersionKind) string {
	return strings.TrimSuffix(gvk.Kind+"."+gvk.Version+"."+gvk.Group, ".")
}

// immutableKinds have the field immutable, which makes them so.
var immutableKinds = map[schema.GroupKind]bool{{Kind: "Secret"}: true, {Kind: "ConfigMap"}: true}

// IsImmutable reports whether the server takes no other content for an object.
func IsImmutable(object map[string]any) bool {
	return object["immutable"] == true && object["apiVersion"] == "v1" && (object["kind"] == "Secret" || object["kind"] == "ConfigMap")
}

// Unmanaged is what others put into a mirror's metadata, and into its status where
// that is no subresource. It is left alone, which for a PUT means that it is sent
// along.
type Unmanaged struct {
	labels, annotations map[string]string
	finalizers          []string
	owners              []metav1.OwnerReference
	// Status is read when it is to be sent along, and not kept.
	Status any
}

func (f *Unmanaged) label(key string) (value string, ok bool) {
	if f == nil {
		return "", false
	}
	value, ok = f.labels[key]
	return value, ok
}

func (f *Unmanaged) annotation(key string) (value string, ok bool) {
	if f == nil {
		return "", false
	}
	value, ok = f.annotations[key]
	return value, ok
}

// IngestMirror reduces objects of a type to *Records, by their metadata alone; it
// passes on what it has already reduced. It never fails.
func IngestMirror(resource schema.GroupVersionResource) func(obj any) (any, error) {
	return func(obj any) (any, error) {
		if o, ok := obj.(metav1.Object); ok {
			return NewRecord(resource.GroupResource(), o), nil
		}
		return obj, nil
	}
}

// NewRecord reads an object of a resource by its metadata.
func NewRecord(resource schema.GroupResource, o metav1.Object) *Record {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	ours := ownershipOf(o.GetManagedFields())
	r := &Record{
		Identity: Identity{
			Namespace: unique.Make(o.GetNamespace()).Value(), Name: unique.Make(o.GetName()).Value(),
			UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(),
		},
		Standing:    standingOf(resource, o, func() bool { return ours.wroteLabel(api.LabelMirror) }),
		Terminating: o.GetDeletionTimestamp() != nil,
	}
	if r.Standing == Foreign {
		return r
	}
	r.origin = originOf(annotations)
	r.Stamped, r.Generation = ours.stamped(annotations), annotations[api.AnnotationGeneration] != ""
	r.HasStatus = ours.status
	r.Unmanaged = unmanagedIn(o, &ours, r.Standing)
	r.Metadata = hashMetadata(labels, annotations, r.Unmanaged)
	r.Knowledge = knowledgeOf(&ours)
	return r
}

func originOf(annotations map[string]string) unique.Handle[origin] {
	o := origin{types.NamespacedName{Namespace: annotations[api.AnnotationSourceNamespace], Name: annotations[api.AnnotationSourceName]}, annotations[api.AnnotationSourceUID]}
	if o.name.Namespace == "" || o.name.Name == "" {
		o.name = types.NamespacedName{}
	}
	return unique.Make(o)
}

// Key is the mirror's name within its type.
func (r *Record) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
}

// Names reports whether the record names the source, in one way or another.
func (r *Record) Names(source *Source) bool {
	return r.Source() == source.Key() || r.SourceUID() != "" && r.SourceUID() == string(source.UID)
}

func unmanagedIn(o metav1.Object, ours *ownership, standing Standing) *Unmanaged {
	fromSource := parseSourceKeys(o.GetAnnotations()[api.AnnotationSourceKeys])
	if standing != Marked {
		// Written before there was a list of them: the server's record is the next best.
		fromSource = sourceKeys{func(key string) bool { return ours.owns(labelsOf, key) }, func(key string) bool { return ours.owns(annotationsOf, key) }}
	}
	f := Unmanaged{
		labels:      unmanagedKeys(o.GetLabels(), fromSource.label),
		annotations: unmanagedKeys(o.GetAnnotations(), fromSource.annotation),
		finalizers:  o.GetFinalizers(),
		owners:      o.GetOwnerReferences(),
	}
	if len(f.labels) == 0 && len(f.annotations) == 0 && len(f.finalizers) == 0 && len(f.owners) == 0 {
		return nil
	}
	return &f
}

func unmanagedKeys(all map[string]string, fromSource func(string) bool) map[string]string {
	var found map[string]string
	for key, value := range all {
		if onMirror[key] || fromSource(key) {
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		found[key] = value
	}
	return found
}
