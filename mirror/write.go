package mirror

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
)

// requestTimeout bounds one request, so that a server that doesn't answer holds up
// a worker for no longer.
const requestTimeout = 30 * time.Second

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

// create makes a mirror where there is none: one request (I4). Theirs is what others
// had put into one that was deleted for it.
func (c *Controller) create(ctx context.Context, t schema.GroupVersionResource, d draft, theirs *foreign, dryRun ...string) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := d.body(nil, theirs, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := c.Objects.Create(ctx, t, d.namespace, body, metav1.CreateOptions{FieldManager: api.FieldManager, FieldValidation: d.source.validation(), DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	if len(dryRun) == 0 {
		c.Metrics.Wrote("create")
	}
	return d.record(answer), nil
}

// replace puts a mirror in the place of what it was: one request (I4), which also
// takes away fields that the source has not.
func (c *Controller) replace(ctx context.Context, t schema.GroupVersionResource, d draft, have *Record, theirs *foreign) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := d.body(have, theirs, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := c.Objects.Update(ctx, t, d.namespace, d.name, body, metav1.UpdateOptions{FieldManager: api.FieldManager, FieldValidation: d.source.validation()})
	if err != nil {
		return nil, err
	}
	c.Metrics.Wrote("replace")
	return d.record(answer), nil
}

// delete deletes just this object in just this form: the server refuses it if it
// was made anew or changed since it was seen (I1). What hangs on it goes with it.
func (c *Controller) delete(ctx context.Context, t schema.GroupVersionResource, have *Record) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	background := metav1.DeletePropagationBackground // a Job's would stay, by default
	err := c.Metadata.Resource(t).Namespace(have.Namespace).Delete(ctx, have.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion},
		PropagationPolicy: &background,
	})
	if err == nil {
		c.Metrics.Wrote("delete")
	}
	return err
}

// patchSource changes metadata of a source, and only if it is still the same
// object; with a resource version, only if it is still in that form. It returns
// the new resource version.
func (c *Controller) patchSource(ctx context.Context, t schema.GroupVersionResource, source identity, fields map[string]any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	fields["uid"] = source.UID
	body, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		return "", err
	}
	m, err := c.Metadata.Resource(t).Namespace(source.Namespace).Patch(ctx, source.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: api.FieldManager})
	if err != nil {
		return "", err
	}
	c.Metrics.Wrote("patch")
	return m.ResourceVersion, nil
}
