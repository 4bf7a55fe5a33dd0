package mirror

import (
	"strings"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	resource unique.Handle[schema.GroupResource]
	origin   unique.Handle[origin]
	// Metadata is a hash of the labels and annotations that are ours, less the stamps.
	Metadata Hash
	// Unmanaged is what others added; nil where there is nothing, as is usual, or where it
	// is more than is kept.
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
	// Retain says that it is to stay behind when its source is gone.
	Retain bool
	// Crowded says that others added more than is kept.
	Crowded bool
}

// origin is what a mirror says of its source.
type origin struct {
	source SourceKey
	uid    string
}

// Resource is what the mirror itself is.
func (r *Record) Resource() schema.GroupResource {
	if r.resource == (unique.Handle[schema.GroupResource]{}) {
		return schema.GroupResource{}
	}
	return r.resource.Value()
}

// Source is the object that the mirror names as its source; empty where it names none.
func (r *Record) Source() SourceKey { return r.of().source }

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

// maxUnmanaged bounds what is kept of it, in bytes. Whoever may write a mirror may put a
// quarter of a megabyte into its annotations alone.
const maxUnmanaged = 2 << 10

// mostUnmanaged is that bound. What may never be taken over is not worth keeping anything
// of: it is there until somebody deletes it.
func (s Standing) mostUnmanaged() int {
	if s.IsMirror() {
		return maxUnmanaged
	}
	return 0
}

// Size is what it takes to keep it, in bytes and roughly.
func (f *Unmanaged) Size() int {
	if f == nil {
		return 0
	}
	const each = 32 // beside the text
	n := 0
	for _, keys := range []map[string]string{f.labels, f.annotations} {
		for key, value := range keys {
			n += len(key) + len(value) + each
		}
	}
	for _, name := range f.finalizers {
		n += len(name) + each
	}
	for _, o := range f.owners {
		n += len(o.APIVersion) + len(o.Kind) + len(o.Name) + len(o.UID) + each
	}
	if f.Status != nil {
		_, status := hashContent(map[string]any{"status": f.Status})
		n += status
	}
	return n
}

// NeedsRead reports whether there is something in the mirror that a write has to send along
// and that is not kept: its status, or much that others added.
func (r *Record) NeedsRead() bool { return r.HasStatus || r.Crowded }

// UnmanagedIn is what others put into an object that was read, all of it.
func UnmanagedIn(resource schema.GroupResource, u *unstructured.Unstructured) Unmanaged {
	ours := ownershipOf(u.GetManagedFields())
	all := unmanagedIn(u, &ours, StandingOf(resource, u))
	if all == nil {
		all = &Unmanaged{}
	}
	all.Status = u.Object["status"]
	return *all
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
	r.resource, r.origin = unique.Make(resource), unique.Make(originIn(resource, annotations))
	r.Stamped, r.Generation = ours.stamped(annotations), annotations[api.AnnotationGeneration] != ""
	r.HasStatus, r.Retain = ours.status, annotations[api.AnnotationOnDelete] == retain
	unmanaged := unmanagedIn(o, &ours, r.Standing)
	r.Metadata = hashMetadata(labels, annotations, unmanaged)
	if r.Crowded = unmanaged.Size() > r.Standing.mostUnmanaged(); !r.Crowded {
		r.Unmanaged = unmanaged
	}
	if r.Standing.IsMirror() {
		r.Knowledge = knowledgeOf(&ours)
	}
	return r
}

// The most that the server gives an object as its name, namespace and UID: what is longer
// names none.
const (
	maxName      = 253
	maxNamespace = 63
	maxUID       = 128
)

// originIn is what annotations of an object of a resource say of a source; empty where they
// name none.
func originIn(resource schema.GroupResource, annotations map[string]string) origin {
	o := origin{SourceKey{resource, annotations[api.AnnotationSourceNamespace], annotations[api.AnnotationSourceName]}, annotations[api.AnnotationSourceUID]}
	if other := annotations[api.AnnotationSourceType]; other != "" {
		o.source.Type = schema.ParseGroupResource(other)
	}
	if o.source.Namespace == "" || o.source.Name == "" || len(o.source.Namespace) > maxNamespace || len(o.source.Name) > maxName || len(annotations[api.AnnotationSourceType]) > maxName {
		o.source = SourceKey{}
	}
	if len(o.uid) > maxUID {
		o.uid = ""
	}
	return o
}

// Key is the mirror's name within its type.
func (r *Record) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
}

// Names reports whether the record names the source, in one way or another.
func (r *Record) Names(source *Source) bool {
	return r.Source() == source.SourceKey() || r.SourceUID() != "" && r.SourceUID() == string(source.UID)
}

// Owner is the source that it is of, among those by UID: the one whose UID it has, if that is
// to be seen, and otherwise the one that it names. So somebody who edits the name makes it
// nobody else's.
func (r *Record) Owner(byUID map[types.UID]SourceKey) SourceKey {
	if source, ok := byUID[types.UID(r.SourceUID())]; ok {
		return source
	}
	return r.Source()
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
