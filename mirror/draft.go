package mirror

import (
	"maps"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Draft is one mirror as it is to be written.
type Draft struct {
	Source          *Source
	Desired         *Desired
	Namespace, Name string
}

// Resource is what the mirror is.
func (d Draft) Resource() schema.GroupResource { return d.Source.Mirrors.Resource }

// Encode builds what is sent. It carries along what others have put into the mirror;
// replacing one, also the identity that makes the server refuse it if the object is
// another one by now (I1).
func (d Draft) Encode(replacing *Record, theirs *Unmanaged, now time.Time) (Body, error) {
	metadata := metav1.ObjectMeta{
		Namespace: d.Namespace, Name: d.Name,
		Labels: maps.Clone(d.Desired.Labels), Annotations: d.Annotations(now),
	}
	var status any
	if replacing != nil {
		metadata.UID, metadata.ResourceVersion = replacing.UID, replacing.ResourceVersion
	}
	if theirs != nil {
		addMissing(metadata.Labels, theirs.labels)
		addMissing(metadata.Annotations, theirs.annotations)
		metadata.Finalizers, metadata.OwnerReferences = theirs.finalizers, theirs.owners
		status = theirs.Status
	}
	return d.Desired.content.encode(d.Source.Mirrors.GroupVersionKind, &metadata, status)
}

// Annotations are those of the mirror, with what only a write sets.
func (d Draft) Annotations(now time.Time) map[string]string {
	all := maps.Clone(d.Desired.Annotations)
	all[api.AnnotationMirrorID] = MirrorID(d.Resource(), d.Namespace, d.Name)
	all[api.AnnotationResourceVersion] = d.Source.ResourceVersion
	all[api.AnnotationLastSyncTime] = now.UTC().Format(time.RFC3339)
	if d.Source.Generation > 0 {
		all[api.AnnotationGeneration] = strconv.FormatInt(d.Source.Generation, 10)
	}
	return all
}

// Observed is what is known of the mirror from the answer to the write: what was sent is
// its content, in whichever form the server keeps it.
func (d Draft) Observed(answer *metav1.PartialObjectMetadata) *Record {
	r := NewRecord(d.Resource(), answer)
	r.Wrote(d.Desired)
	return r
}

func addMissing(to, from map[string]string) {
	for key, value := range from {
		if _, ours := to[key]; !ours {
			to[key] = value
		}
	}
}

// Object is the mirror as it would be written, to be looked at: without the stamps, which
// tell of the moment of a write. It shares its content with other mirrors, and is only to
// be read.
func (d Draft) Object() *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: maps.Clone(d.Desired.content.fields())}
	u.SetGroupVersionKind(d.Source.Mirrors.GroupVersionKind)
	u.SetNamespace(d.Namespace)
	u.SetName(d.Name)
	u.SetLabels(d.Desired.Labels)
	u.SetAnnotations(d.Desired.Annotations)
	return u
}

// OwnKeys are the labels and annotations of a mirror that was read less what others put
// there, which stays as it is.
func OwnKeys(resource schema.GroupResource, u *unstructured.Unstructured) (labels, annotations map[string]string) {
	theirs := UnmanagedIn(resource, u)
	labels, annotations = u.GetLabels(), u.GetAnnotations()
	maps.DeleteFunc(labels, func(key, _ string) bool { _, there := theirs.labels[key]; return there })
	maps.DeleteFunc(annotations, func(key, _ string) bool { _, there := theirs.annotations[key]; return there })
	return labels, annotations
}
