package mirror

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

func TestAnObjectIsHeldByOurFinalizerAloneIfItGoesAndHasNoOther(t *testing.T) {
	now := metav1.Now()
	for _, row := range []struct {
		it         string
		deleted    *metav1.Time
		finalizers []string
		want       bool
	}{
		{"goes and has ours", &now, []string{api.Finalizer}, true},
		{"goes and has ours twice", &now, []string{api.Finalizer, api.Finalizer}, true},
		{"goes and has another too", &now, []string{"theirs", api.Finalizer}, false},
		{"goes and has another", &now, []string{"theirs"}, false},
		{"goes and has none", &now, nil, false},
		{"stays", nil, []string{api.Finalizer}, false},
	} {
		if got := HoldsLast(&metav1.ObjectMeta{DeletionTimestamp: row.deleted, Finalizers: row.finalizers}); got != row.want {
			t.Errorf("one that %s: %v", row.it, got)
		}
	}
}

func TestAnObjectLessOurFinalizerIsAsItWasReadInEverythingElse(t *testing.T) {
	const read = `{"apiVersion":"v1","kind":"Thing","metadata":{"finalizers":["theirs","` + api.Finalizer + `"],"name":"a","unknown":{"x":1}},"spec":{"big":9007199254740993,"fraction":0.30000000000000004,"nothing":null}}`
	const want = `{"apiVersion":"v1","kind":"Thing","metadata":{"finalizers":["theirs"],"name":"a","unknown":{"x":1}},"spec":{"big":9007199254740993,"fraction":0.30000000000000004,"nothing":null}}` + "\n"
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(read)); err != nil {
		t.Fatal(err)
	}
	body, err := withoutFinalizer(u)
	if err != nil || string(body.Bytes) != want || body.ContentType != "application/json" {
		t.Errorf("%s, %s, %v", body.ContentType, body.Bytes, err)
	}
	if !slices.Contains(u.GetFinalizers(), api.Finalizer) {
		t.Error("what was read was changed")
	}
}
