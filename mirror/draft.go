package mirror

import (
	"maps"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// draft is one mirror as it is to be written.
type draft struct {
	source          *Source
	shape           *Shape
	resource        schema.GroupResource
	namespace, name string
}

// body builds what is sent. It carries along what others have put into the mirror;
// replacing one, also the identity that makes the server refuse it if the object is
// another one by now (I1).
func (d draft) body(replacing *Record, theirs *foreign, now time.Time) (Body, error) {
	metadata := metav1.ObjectMeta{
		Namespace: d.namespace, Name: d.name,
		Labels: maps.Clone(d.shape.Labels), Annotations: maps.Clone(d.shape.Annotations),
	}
	var status any
	if replacing != nil {
		metadata.UID, metadata.ResourceVersion = replacing.UID, replacing.ResourceVersion
	}
	if theirs != nil {
		addMissing(metadata.Labels, theirs.labels)
		addMissing(metadata.Annotations, theirs.annotations)
		metadata.Finalizers, metadata.OwnerReferences = theirs.finalizers, theirs.owners
		status = theirs.status
	}
	metadata.Annotations[api.AnnotationMirrorID] = mirrorID(d.resource, d.namespace, d.name)
	metadata.Annotations[api.AnnotationResourceVersion] = d.source.ResourceVersion
	metadata.Annotations[api.AnnotationLastSyncTime] = now.UTC().Format(time.RFC3339)
	if d.source.Generation > 0 {
		metadata.Annotations[api.AnnotationGeneration] = strconv.FormatInt(d.source.Generation, 10)
	}
	return d.shape.content.encode(d.source.kind(), &metadata, status)
}

// record is what is known of the mirror from the answer to the write: what was sent is
// its content, in whichever form the server keeps it.
func (d draft) record(answer *metav1.PartialObjectMetadata) *Record {
	r := newRecord(d.resource, answer)
	r.learn(d.shape.Content, d.shape.immutable)
	return r
}

func addMissing(to, from map[string]string) {
	for key, value := range from {
		if _, ours := to[key]; !ours {
			to[key] = value
		}
	}
}
