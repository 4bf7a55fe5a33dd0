package mirror

import (
	"encoding/json"
	"strings"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Record is what is kept of an object with the mirror label: whose it says that
// it is, and hashes of what it holds. Its size doesn't depend on the object's (I6),
// but for what others put there, within bounds.
type Record struct {
	identity
	// Type is written as in --resource-types: Kind.version or Kind.version.group.
	Type string
	// Source is the object that it names as its source; empty where it names none.
	Source    types.NamespacedName
	SourceUID string
	// Content and Metadata are hashes; Metadata's is of the labels and annotations
	// that are ours, less the stamps.
	Content, Metadata Hash
	// Stamped says that the stamps are there and nobody else wrote them.
	Stamped bool
	// Generation says that there is a stamp of the source's generation.
	Generation  bool
	Immutable   bool
	Terminating bool
	// foreign is what others added; nil where there is nothing, as is usual.
	foreign *foreign
	// sent is set while all that is known of this version is the server's answer to
	// our write, which has no content. That is taken for what was sent until the
	// informer tells.
	sent *sent
}

// sent is what of a write is needed to tell what the server made of it.
type sent struct {
	shape      *Shape
	generation bool
}

func typeName(gvk schema.GroupVersionKind) string {
	return strings.TrimSuffix(gvk.Kind+"."+gvk.Version+"."+gvk.Group, ".")
}

// immutableKinds have the field immutable, which makes them so.
var immutableKinds = map[schema.GroupKind]bool{{Kind: "Secret"}: true, {Kind: "ConfigMap"}: true}

func immutable(object map[string]any) bool {
	return object["immutable"] == true && object["apiVersion"] == "v1" && (object["kind"] == "Secret" || object["kind"] == "ConfigMap")
}

// foreign is what others put into a mirror's metadata, and into its status where
// that is no subresource. It is left alone, which for a PUT means that it is sent
// along.
type foreign struct {
	labels, annotations map[string]string
	finalizers          []string
	owners              []metav1.OwnerReference
	status              json.RawMessage
}

// mostStatus is the largest status that is kept, in bytes. A larger one is lost with
// our next write, and written anew by whoever writes it: a tenant's controller must
// not fill our memory (I6).
const mostStatus = 4 << 10

func (f *foreign) label(key string) (value string, ok bool) {
	if f == nil {
		return "", false
	}
	value, ok = f.labels[key]
	return value, ok
}

func (f *foreign) annotation(key string) (value string, ok bool) {
	if f == nil {
		return "", false
	}
	value, ok = f.annotations[key]
	return value, ok
}

// IngestMirror reduces an object to a *Record; it passes on what it has already
// reduced. It never fails.
func IngestMirror(obj any) (any, error) {
	if o := observe(obj); o != nil {
		return newRecord(o), nil
	}
	return obj, nil
}

func newRecord(o *observed) *Record {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	ours := ownershipOf(o.written)
	r := &Record{
		identity: identity{
			Namespace: unique.Make(o.GetNamespace()).Value(), Name: unique.Make(o.GetName()).Value(),
			UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(),
		},
		Type: unique.Make(typeName(o.kind)).Value(),
		Source: types.NamespacedName{
			Namespace: unique.Make(annotations[annotationSourceNamespace]).Value(),
			Name:      unique.Make(annotations[annotationSourceName]).Value(),
		},
		SourceUID:   unique.Make(annotations[annotationSourceUID]).Value(),
		Content:     o.content,
		Stamped:     ours.stamped(annotations),
		Generation:  annotations[annotationGeneration] != "",
		Immutable:   o.immutable,
		Terminating: o.GetDeletionTimestamp() != nil,
		foreign:     foreignIn(o, ours),
	}
	if r.Source.Namespace == "" || r.Source.Name == "" {
		r.Source = types.NamespacedName{}
	}
	r.Metadata = hashMetadata(labels, annotations, r.foreign)
	return r
}

// of says whether the record is a mirror of the source: it names it, or, where
// somebody took the name away, its UID.
func (r *Record) of(source types.NamespacedName, uid types.UID) bool {
	if r.Source == (types.NamespacedName{}) {
		return uid != "" && r.SourceUID == string(uid)
	}
	return r.Source == source
}

func foreignIn(o *observed, ours ownership) *foreign {
	f := foreign{
		labels:      foreignKeys(o.GetLabels(), "f:labels", ours),
		annotations: foreignKeys(o.GetAnnotations(), "f:annotations", ours),
		finalizers:  o.GetFinalizers(),
		owners:      o.GetOwnerReferences(),
	}
	if o.status != nil && ours.status {
		if text, _ := json.Marshal(o.status); len(text) <= mostStatus { // it came from JSON
			f.status = text
		}
	}
	if len(f.labels) == 0 && len(f.annotations) == 0 && len(f.finalizers) == 0 && len(f.owners) == 0 && f.status == nil {
		return nil
	}
	return &f
}

func foreignKeys(all map[string]string, field string, ours ownership) map[string]string {
	var found map[string]string
	for key, value := range all {
		if onMirror[key] || ours.owns(field, key) {
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		found[key] = value
	}
	return found
}
