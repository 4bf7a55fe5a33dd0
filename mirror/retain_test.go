package mirror

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

func TestAMirrorStaysBehindWhereItsSourceStopsAndSaysSo(t *testing.T) {
	for it, row := range map[string]struct {
		source          *Source // nil: it isn't to be seen
		mirror, refused bool    // what the mirror says, and the namespace
		stays           bool
	}{
		"the source is gone, and the mirror has its word":        {nil, true, false, true},
		"the source is gone, and the mirror has none":            {nil, false, false, false},
		"the source is gone, and the namespace refuses":          {nil, true, true, false},
		"the source is being deleted":                            {&Source{Mode: On, Deleting: true, Retain: true}, false, false, true},
		"the source is being deleted, and can't be read":         {&Source{Mode: Stopped, Deleting: true, Retain: true}, true, false, true},
		"the source is being deleted, and the namespace says no": {&Source{Mode: On, Deleting: true, Retain: true}, true, true, false},
		"the source is off":                                      {&Source{Mode: Off, Retain: true}, true, false, true},
		"the source is off, and has taken its word back":         {&Source{Mode: Off}, true, false, false},
		"the source is on, and wants it no more":                 {&Source{Mode: On, Retain: true}, true, false, false},
		"it may not be a source":                                 {&Source{Mode: Refused, Retain: true}, true, false, false},
	} {
		r := &Record{Retain: row.mirror}
		if got := r.StaysBehind(row.source, row.refused); got != row.stays {
			t.Errorf("%s: it stays: %v", it, got)
		}
	}
}

func TestTheWordOnDeletionIsWrittenOnTheMirrorAndReadThere(t *testing.T) {
	source := func(word string) *Source {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"}}}
		u.SetNamespace("src")
		u.SetName("s")
		u.SetLabels(map[string]string{api.LabelEnabled: "true"})
		u.SetAnnotations(map[string]string{api.AnnotationSync: "true", api.AnnotationTargetNamespaces: "a", api.AnnotationOnDelete: word})
		return (&Settings{MaxTargets: 9}).NewSource(configMaps.GroupResource(), u)
	}
	for word, row := range map[string]struct {
		mode   Mode
		retain bool
	}{"retain": {On, true}, "": {On, false}, "Retain": {Stopped, true}, "delete": {Stopped, true}} {
		if s := source(word); s.Mode != row.mode || s.Retain != row.retain {
			t.Errorf("%q: %v, %v, %s", word, s.Mode, s.Retain, s.Reason)
		}
	}
	resource := schema.GroupResource{Resource: "configmaps"}
	for word, want := range map[string]bool{"retain": true, "": false} {
		s := source(word)
		desired, _ := s.Desired(namespaceOf("a"), "s")
		u := Draft{Source: s, Desired: desired, Namespace: "a", Name: "s"}.Object()
		annotations := map[string]string{api.AnnotationMirrorID: MirrorID(resource, "a", "s")}
		maps.Copy(annotations, u.GetAnnotations())
		u.SetAnnotations(annotations)
		if r := NewRecord(resource, u); r.Retain != want || !r.Standing.IsMirror() {
			t.Errorf("%q: the mirror says %v", word, r.Retain)
		}
	}
}
