package mirror

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Whoever may write in a namespace may make mirrors of anything there, and fill them.
func TestI6ARecordTakesNoMoreRoomHoweverMuchOthersPutIntoTheObject(t *testing.T) {
	const records, much = 100, 200 << 10
	annotate := func(key string) func(*metav1.PartialObjectMetadata, int) {
		return func(o *metav1.PartialObjectMetadata, n int) {
			o.Annotations[key] = fmt.Sprint(n, strings.Repeat("x", much))
		}
	}
	for it, fill := range map[string]func(o *metav1.PartialObjectMetadata, n int){
		"a large annotation": annotate("note"),
		"many labels": func(o *metav1.PartialObjectMetadata, n int) {
			for i := range much / 60 {
				o.Labels[fmt.Sprintf("label-%d-%d", n, i)] = strings.Repeat("x", 40)
			}
		},
		"many finalizers": func(o *metav1.PartialObjectMetadata, n int) {
			for i := range much / 60 {
				o.Finalizers = append(o.Finalizers, fmt.Sprintf("example.com/%d-%d-%s", n, i, strings.Repeat("x", 40)))
			}
		},
		"many owners": func(o *metav1.PartialObjectMetadata, n int) {
			for i := range much / 200 {
				o.OwnerReferences = append(o.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: fmt.Sprintf("%d-%d-%s", n, i, strings.Repeat("x", 120))})
			}
		},
		"a long list of fields in our name": func(o *metav1.PartialObjectMetadata, n int) {
			o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{Manager: api.FieldManager, Operation: "Apply", FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:data":{"f:%d%s":{}}}`, n, strings.Repeat("x", much)))})
		},
		"a long list of fields in another's": func(o *metav1.PartialObjectMetadata, n int) {
			o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{Manager: "somebody", Operation: "Apply", FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:data":{"f:%d%s":{}}}`, n, strings.Repeat("x", much)))})
		},
		"a list of fields in our name that is just kept": func(o *metav1.PartialObjectMetadata, n int) {
			o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{Manager: api.FieldManager, Operation: "Apply", FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:data":{"f:%06d%s":{}}}`, n, strings.Repeat("x", maxFields-40)))})
		},
		"an annotation that is just kept": func(o *metav1.PartialObjectMetadata, n int) {
			o.Annotations["note"] = fmt.Sprintf("%06d%s", n, strings.Repeat("x", maxUnmanaged-100))
		},
		"a long mirror-id":        annotate(api.AnnotationMirrorID),
		"a long name of a source": annotate(api.AnnotationSourceName),
		"a long namespace of one": annotate(api.AnnotationSourceNamespace),
		"a long UID of one":       annotate(api.AnnotationSourceUID),
		"a long list of its keys": annotate(api.AnnotationSourceKeys),
		"a long hash":             annotate(api.AnnotationContentHash),
		"a long stamp":            annotate(api.AnnotationResourceVersion),
	} {
		t.Run(it, func(t *testing.T) {
			kept := make([]*Record, records)
			before := heap()
			for n := range kept {
				o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
					Namespace: "evil", Name: "m", Labels: map[string]string{api.LabelMirror: "true"},
					Annotations: map[string]string{api.AnnotationMirrorID: "configmaps/evil/m", api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "s", api.AnnotationSourceUID: "u"},
				}}
				fill(o, n)
				kept[n] = NewRecord(configMaps.GroupResource(), o)
			}
			if each := (heap() - before) / records; each > 12<<10 {
				t.Errorf("a record of one takes %d bytes", each)
			}
			runtime.KeepAlive(kept)
		})
	}
}

// What nobody ever deletes has next to nothing kept of it, be it ever so small.
func TestOfWhatMayNeverBeTakenOverNothingOfOthersIsKept(t *testing.T) {
	text := strings.Replace(mirroredWithout("D/mirror-id"), `"f:D/mirror": {}, `, "", 1)
	r := NewRecord(configMaps.GroupResource(), parsed(t, text))
	if r.Standing != Adoptable || r.Unmanaged != nil || r.Knowledge != (Knowledge{}) || !r.NeedsRead() {
		t.Errorf("kept is %+v", r)
	}
}

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what unique has let go of takes two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A mirror that others have filled is right or wrong by what of it is ours.
func TestAMirrorWithMuchOfOthersIsComparedByWhatIsOurs(t *testing.T) {
	crowd := func(text string) string {
		return strings.Replace(text, "note: hello", "note: "+strings.Repeat("x", maxUnmanaged), 1)
	}
	before := NewRecord(configMaps.GroupResource(), parsed(t, mirrored))
	crowded := NewRecord(configMaps.GroupResource(), parsed(t, crowd(mirrored)))
	if before.NeedsRead() || !crowded.NeedsRead() || crowded.Unmanaged != nil {
		t.Errorf("a write reads first: %v, and with much in it: %v; kept is %v", before.NeedsRead(), crowded.NeedsRead(), crowded.Unmanaged)
	}
	if crowded.Metadata != before.Metadata {
		t.Error("what others put there counts as ours")
	}
	if drifted := NewRecord(configMaps.GroupResource(), parsed(t, crowd(strings.Replace(mirrored, "app: db", "app: cache", 1)))); drifted.Metadata == before.Metadata {
		t.Error("what they change of ours doesn't count")
	}
	all := UnmanagedIn(configMaps.GroupResource(), parsed(t, crowd(mirrored)))
	if len(all.annotations["note"]) != maxUnmanaged || all.labels["team"] != "x" {
		t.Errorf("read, there are %v and %v of theirs", all.labels, all.annotations)
	}
}

// The list of fields that stands for a long one changes with it.
func TestALongListOfFieldsIsKnownByItsDigest(t *testing.T) {
	list := func(metadata, content string) string {
		return boundedFields(fmt.Sprintf(`{"f:metadata":{"f:labels":{"f:%s":{}}},"f:data":{"f:%s":{},"f:%s":{}}}`, metadata, content, strings.Repeat("x", maxFields)))
	}
	a := list("app", "k")
	if len(a) > 512 || a != list("app", "k") {
		t.Errorf("it is kept as %d bytes, and anew as %q", len(a), list("app", "k"))
	}
	if b := list("team", "k"); a == b || contentFields(a) != contentFields(b) {
		t.Error("another label changes the content, or nothing")
	}
	if b := list("app", "l"); contentFields(a) == contentFields(b) {
		t.Error("another key changes nothing")
	}
	if covers(a, map[string]any{"data": map[string]any{"k": "v"}}, configMapKind) {
		t.Error("it passes for the content")
	}
}

// Anybody may make sources, and write on them what we write.
func TestI6ASourceThatGoesNowhereTakesNoMoreRoomHoweverMuchIsOnIt(t *testing.T) {
	const sources, much = 100, 200 << 10
	annotate := func(key string) func(*unstructured.Unstructured, int) {
		return func(u *unstructured.Unstructured, n int) {
			annotations := u.GetAnnotations()
			annotations[key] = fmt.Sprint(n, strings.Repeat("x", much))
			u.SetAnnotations(annotations)
		}
	}
	fills := map[string]func(u *unstructured.Unstructured, n int){
		"much content": func(u *unstructured.Unstructured, n int) {
			u.Object["data"] = map[string]any{"k": fmt.Sprint(n, strings.Repeat("x", much))}
		},
		"many finalizers": func(u *unstructured.Unstructured, n int) {
			var all []string
			for i := range much / 60 {
				all = append(all, fmt.Sprintf("example.com/%d-%d-%s", n, i, strings.Repeat("x", 40)))
			}
			u.SetFinalizers(all)
		},
		"another annotation": annotate("note"),
	}
	for _, key := range append([]string{api.AnnotationTransform, api.AnnotationSyncStatus, api.AnnotationFailedTargets}, boundedBySize...) {
		fills[key] = annotate(key)
	}
	settings := &Settings{MaxTargets: 100}
	for it, fill := range fills {
		t.Run(it, func(t *testing.T) {
			kept := make([]*Source, sources)
			before := heap()
			for n := range kept {
				u := parsed(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: evil, name: s, labels: {D/enabled: "true"}, annotations: {D/sync: "true"}}}`)
				fill(u, n)
				kept[n] = settings.NewSource(configMaps.GroupResource(), u).WithoutContent()
			}
			if each := (heap() - before) / sources; each > 24<<10 {
				t.Errorf("one takes %d bytes", each)
			}
			runtime.KeepAlive(kept)
		})
	}
}
