package mirror

import (
	"cmp"
	"log/slog"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
)

// stamps are the annotations of a mirror that only a write sets.
var stamps = []string{api.AnnotationGeneration, api.AnnotationResourceVersion, api.AnnotationLastSyncTime}

// onMirror has the keys of the labels and annotations that are ours on a mirror,
// whoever wrote them last.
var onMirror = map[string]bool{
	api.LabelMirror: true, api.LabelManagedBy: true, api.AnnotationMirrorID: true, api.AnnotationSourceKeys: true,
	api.AnnotationSourceNamespace: true, api.AnnotationSourceName: true, api.AnnotationSourceUID: true, api.AnnotationSourceType: true, api.AnnotationSourceOrigin: true, api.AnnotationContentHash: true,
	api.AnnotationGeneration: true, api.AnnotationResourceVersion: true, api.AnnotationLastSyncTime: true, api.AnnotationOnDelete: true,
}

// SourceSelector and MirrorSelector are what the server filters the two watches
// of a type by. A source whose label has another value than "true" is selected too:
// its author is to be told, and keeps the mirrors if it is a slip (I10).
const (
	SourceSelector = api.LabelEnabled
	MirrorSelector = api.LabelMirror + "=true"
)

// SourceKey names a source. It has no version: a type that is served in another
// version is the same type.
type SourceKey struct {
	Type            schema.GroupResource
	Namespace, Name string
}

// CompareSources orders them.
func CompareSources(a, b SourceKey) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Type.String(), b.Type.String()), cmp.Compare(a.Name, b.Name))
}

// String is the form for log lines: "secrets default/db".
func (k SourceKey) String() string { return k.Type.String() + " " + k.Namespace + "/" + k.Name }

// Among is the source as it is called among objects of a resource.
func (k SourceKey) Among(resource schema.GroupResource) string {
	if k.Type == resource {
		return k.NamespacedName().String()
	}
	return k.String()
}

// NamespacedName is the source's name within its type.
func (k SourceKey) NamespacedName() types.NamespacedName {
	return types.NamespacedName{Namespace: k.Namespace, Name: k.Name}
}

// LogValue is that form in a JSON log too.
func (k SourceKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MirrorKey names what one source has in one target namespace: the mirror that is
// to be there, if any, and those that are not to be there any more.
type MirrorKey struct {
	Source    SourceKey
	Namespace string
}

// String is the form for log lines: "secrets default/db in app".
func (k MirrorKey) String() string { return k.Source.String() + " in " + k.Namespace }

// LogValue is that form in a JSON log too.
func (k MirrorKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
