package oracle

import (
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// domain begins every label and annotation of the product.
const domain = "kubemirror.raczylo.com/"

const finalizer = domain + "finalizer"

// Place is where an object is.
type Place struct{ Kind, Namespace, Name string }

// PlaceOf is where an object is.
func PlaceOf(o *unstructured.Unstructured) Place {
	return Place{o.GetKind(), o.GetNamespace(), o.GetName()}
}

func (p Place) String() string { return p.Kind + " " + p.Namespace + "/" + p.Name }

// State is a cluster at one moment, and what the test knows of it.
type State struct {
	// Namespaces and Objects are all that the test may have to do with.
	Namespaces, Objects []unstructured.Unstructured
	// Included are globs of the namespaces that may be targets, Honoured of those whose
	// sources count, as the flags have them.
	Included, Honoured []string
	// Foreign has the objects that are somebody's, as they left them (Whole).
	Foreign map[Place]string
	// Sources has the objects that are or were sources, as their authors left them (Author).
	Sources map[Place]string
	// Before has the mirrors as they were at the last rest (Whole).
	Before map[Place]string
	// Unseen says that a process has been killed. A source that had no mirror, and has lost
	// its label, is found by nobody then: its status may have stayed, though no finalizer.
	Unseen bool
}

// Whole is an object byte for byte.
func Whole(o *unstructured.Unstructured) string {
	text, err := json.Marshal(o.Object)
	if err != nil {
		panic(err) // it came as JSON
	}
	return string(text)
}

// Author is of an object what its author writes: all but our finalizer and our two
// annotations, and what the server writes down of who wrote last.
func Author(o *unstructured.Unstructured) string {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	annotations := o.GetAnnotations()
	delete(annotations, domain+"sync-status")
	delete(annotations, domain+"failed-targets")
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
	rest := slices.DeleteFunc(o.GetFinalizers(), func(f string) bool { return f == finalizer })
	if len(rest) == 0 {
		rest = nil
	}
	o.SetFinalizers(rest)
	return Whole(o)
}

// find returns the object of a place, nil if there is none.
func (s *State) find(p Place) *unstructured.Unstructured {
	for i := range s.Objects {
		if PlaceOf(&s.Objects[i]) == p {
			return &s.Objects[i]
		}
	}
	return nil
}

// resources are the names of the kinds in mirror-id.
var resources = map[string]string{"ConfigMap": "configmaps", "Secret": "secrets"}

// IsMirror reports whether an object is a mirror: it has the label, and names itself.
func IsMirror(o *unstructured.Unstructured) bool {
	return o.GetLabels()[domain+"mirror"] == "true" && o.GetLabels()[domain+"enabled"] != "true" &&
		o.GetAnnotations()[domain+"mirror-id"] == resources[o.GetKind()]+"/"+o.GetNamespace()+"/"+o.GetName()
}

// sourceOf is the place of the source that a mirror names.
func sourceOf(mirror *unstructured.Unstructured) Place {
	a := mirror.GetAnnotations()
	return Place{mirror.GetKind(), a[domain+"source-namespace"], a[domain+"source-name"]}
}

// SourceOf is the place of the source that a mirror names, of one as Whole has it.
func SourceOf(whole string) Place {
	var mirror unstructured.Unstructured
	if err := mirror.UnmarshalJSON([]byte(whole)); err != nil {
		panic(err) // Whole made it
	}
	return sourceOf(&mirror)
}

// Mirrors has the mirrors that there are, as Before takes them.
func (s *State) Mirrors() map[Place]string {
	mirrors := map[Place]string{}
	for i := range s.Objects {
		if o := &s.Objects[i]; IsMirror(o) {
			mirrors[PlaceOf(o)] = Whole(o)
		}
	}
	return mirrors
}
