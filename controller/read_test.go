package controller

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// made has the source's mirror made, and returns what the server has then.
func (r *rig) made() *unstructured.Unstructured {
	var made *unstructured.Unstructured
	r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: api.FieldManager, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`)}})
		made = u
		return u, nil
	}
	r.target()
	r.ask("a")
	r.Ready(configMapsType)
	r.work()
	return made
}

// written is a version that somebody else wrote these fields of.
func (r *rig) written(u *unstructured.Unstructured, fields string) *unstructured.Unstructured {
	u = u.DeepCopy()
	u.SetResourceVersion(r.next())
	u.SetManagedFields(append(u.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: "other", Subresource: "status", FieldsV1: metav1.NewFieldsV1(fields)}))
	return u
}

// A number that the server writes in another way, or what a webhook adds, is read to be
// other than what was sent, for a status that comes right after our write.
func TestI9TheFormInWhichTheServerKeepsContentIsLearned(t *testing.T) {
	r := newRig(t)
	stored := r.made()
	for n := range 4 {
		status := r.written(stored, fmt.Sprintf(`{"f:status":{"f:n%d":{}}}`, n))
		r.whole = status.DeepCopy()
		if err := unstructured.SetNestedField(r.whole.Object, "webhook", "data", "injected"); err != nil {
			t.Fatal(err)
		}
		r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), status))
		r.work()
	}
	if r.updates != 1 {
		t.Errorf("%d updates after %d reads, want one", r.updates, r.reads)
	}
}

func TestI2AReadThatFindsAnothersMirrorHasBothLookAtIt(t *testing.T) {
	r := newRig(t)
	seen := r.written(r.made(), `{"f:data":{"f:a":{}}}`)
	r.whole = r.written(seen, `{"f:metadata":{}}`)
	annotations := r.whole.GetAnnotations()
	annotations[api.AnnotationSourceName], annotations[api.AnnotationSourceUID] = "gone", "gone"
	r.whole.SetAnnotations(annotations)
	r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), seen))
	r.work()
	r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), r.whole)) // no news
	r.work()
	if r.deletes != 1 {
		t.Errorf("%d deletes of what names a source that is gone; the mirrors are %v", r.deletes, r.tables.of[configMapsType.GroupResource()].mirrors)
	}
}
