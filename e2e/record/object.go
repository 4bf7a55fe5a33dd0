package record

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
)

// domain begins every label and annotation of the product.
const domain = "kubemirror.raczylo.com/"

// place is where an object is. Another one may be there later.
type place struct{ resource, namespace, name string }

func (p place) String() string { return p.resource + "/" + p.namespace + "/" + p.name }

// placeOf is what a request is about.
func placeOf(r audit.Request) place {
	resource := r.Resource
	if r.Group != "" {
		resource += "." + r.Group
	}
	return place{resource, r.Namespace, r.Name}
}

// version names one state that one object was in.
type version struct{ uid, resourceVersion string }

// object is what of one state of an object tells whose it is.
type object struct {
	place
	version
	labels, annotations map[string]string
	finalizers          []string
	// content is a hash of all but the metadata and the type.
	content [sha256.Size]byte
	// partial says that the content isn't told.
	partial bool
	// gone says that this was never its state: it went when its last finalizer did.
	gone bool
}

// read takes an object's metadata from JSON. What is no object, such as a Status, or
// the answer to a trial, has no version.
func read(at place, text json.RawMessage) (object, error) {
	var o struct {
		Kind     string
		Metadata struct {
			UID, ResourceVersion string
			Labels, Annotations  map[string]string
			Finalizers           []string
			DeletionTimestamp    string
		}
	}
	if len(text) == 0 {
		return object{}, nil
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return object{}, err
	}
	if o.Kind == "Status" {
		return object{}, nil
	}
	m := o.Metadata
	content, err := contentOf(text)
	return object{at, version{m.UID, m.ResourceVersion}, m.Labels, m.Annotations, m.Finalizers, content, o.Kind == "PartialObjectMetadata", m.DeletionTimestamp != "" && len(m.Finalizers) == 0}, err
}

func contentOf(text json.RawMessage) (hash [sha256.Size]byte, err error) {
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return hash, err
	}
	for _, field := range []string{"metadata", "apiVersion", "kind"} {
		delete(fields, field)
	}
	content, err := json.Marshal(fields) // keys in order
	return sha256.Sum256(content), err
}

// standing is what the contract makes of an object.
type standing int

const (
	// foreign: never to be touched.
	foreign standing = iota
	// nameless names a source and not itself: of a time before mirrors named
	// themselves, or somebody has taken that away.
	nameless
	// named names itself: a mirror.
	named
)

func (o object) standing() standing {
	enabled, selected := o.labels[domain+"enabled"]
	id, hasID := o.annotations[domain+"mirror-id"]
	switch {
	case o.labels[domain+"mirror"] != "true", selected && enabled != "false":
		return foreign
	case hasID && id == o.String():
		return named
	case hasID && id != "":
		return foreign
	case o.source() != "" || o.annotations[domain+"source-uid"] != "":
		return nameless
	}
	return foreign
}

// source is the name of the source that a mirror names.
func (o object) source() string {
	namespace, name := o.annotations[domain+"source-namespace"], o.annotations[domain+"source-name"]
	if namespace == "" || name == "" {
		return ""
	}
	return namespace + "/" + name
}

// sameSource reports whether two mirrors name the same source, by its name or UID.
func (o object) sameSource(other object) bool {
	uid := o.annotations[domain+"source-uid"]
	return o.source() != "" && o.source() == other.source() || uid != "" && uid == other.annotations[domain+"source-uid"]
}

// othersFinalizers are the finalizers that are not the product's.
func (o object) othersFinalizers() []string {
	return slices.DeleteFunc(slices.Clone(o.finalizers), func(f string) bool { return f == domain+"finalizer" })
}
