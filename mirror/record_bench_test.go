package mirror

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
)

// sized is a Secret with so much content in four keys.
func sized(size int) *unstructured.Unstructured {
	data := map[string]any{}
	for i := range 4 {
		data[fmt.Sprintf("key-%d", i)] = strings.Repeat("xxxx", size/16)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"metadata": map[string]any{
			"namespace": "default", "name": "app", "uid": "s1", "resourceVersion": "4",
			"labels":      map[string]any{api.LabelMirror: "true", api.LabelManagedBy: api.ManagedBy, "team": "blue"},
			"annotations": map[string]any{api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "app", api.AnnotationLastSyncTime: "x"},
		},
		"data": data,
	}}
}

// What a hash costs.
func BenchmarkHash(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			fields := Content(sized(size).Object)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				HashContent(fields)
			}
		})
	}
}

// What the echo of a write costs.
func BenchmarkIngestMirror(b *testing.B) {
	u := sized(4 << 10)
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: api.FieldManager, FieldsV1: metav1.NewFieldsV1(`{"f:data":{".":{},"f:key-0":{}},"f:metadata":{"f:labels":{"f:team":{}}}}`)}})
	object := mirrortest.MetadataOf(u)
	b.ReportAllocs()
	for b.Loop() {
		NewRecord(configMaps.GroupResource(), object)
	}
}

// What finding out that nothing is to be done costs.
func BenchmarkPlan(b *testing.B) {
	src := sourceOf("Secret")
	shape, err := src.newDesired(sized(4 << 10).Object)
	if err != nil {
		b.Fatal(err)
	}
	have := &Record{Standing: Marked, Metadata: shape.Metadata, Stamped: true, Knowledge: Knowledge{State: ContentKnown, Content: shape.Content}}
	b.ReportAllocs()
	for b.Loop() {
		if Plan(shape, have, nil, false) != None {
			b.Fatal("something is to be done")
		}
	}
}

// What encoding a mirror costs, its content aside, which is encoded once.
func BenchmarkEncodeMirror(b *testing.B) {
	src := sourceOf("Secret")
	shape, err := src.newDesired(sized(4 << 10).Object)
	if err != nil {
		b.Fatal(err)
	}
	d := Draft{src, shape, "default", "app"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Encode(nil, nil, src.Seen); err != nil {
			b.Fatal(err)
		}
	}
}
