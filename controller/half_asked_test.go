package controller

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
)

// labelled is an object with the label of a source, and without the annotation.
func (r *rig) labelled(change func(*unstructured.Unstructured)) any {
	u := r.object("src", api.LabelEnabled, "a")
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", api.AnnotationSync)
	change(u)
	return r.Settings.NewSource(configMapsType.GroupResource(), u)
}

func TestALabelWithoutTheAnnotationIsToldOnce(t *testing.T) {
	turn := func(key, value string) func(*unstructured.Unstructured) {
		return func(u *unstructured.Unstructured) { annotate(u, key, value) }
	}
	for it, row := range map[string]struct {
		atStart bool
		changes []func(*unstructured.Unstructured)
		events  int
	}{
		"is told":                          {false, []func(*unstructured.Unstructured){same}, 1},
		"is not told again":                {false, []func(*unstructured.Unstructured){same, same, turn("other", "tool"), turn(api.AnnotationTargetNamespaces, "b")}, 1},
		"was there before us":              {true, []func(*unstructured.Unstructured){same}, 0},
		"was there before us, and changes": {true, []func(*unstructured.Unstructured){same, turn("other", "tool")}, 0},
		"is mended, and is so again":       {false, []func(*unstructured.Unstructured){same, turn(api.AnnotationSync, "false"), same}, 2},
		"is made anew":                     {true, []func(*unstructured.Unstructured){same, func(u *unstructured.Unstructured) { u.SetUID("u2") }}, 1},
		"has the word false":               {false, []func(*unstructured.Unstructured){turn(api.AnnotationSync, "false")}, 0},
		"has the empty word":               {false, []func(*unstructured.Unstructured){turn(api.AnnotationSync, "")}, 0},
		"is excluded":                      {false, []func(*unstructured.Unstructured){turn(api.AnnotationExclude, "true")}, 0},
		"is off by the label":              {false, []func(*unstructured.Unstructured){func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{api.LabelEnabled: "false"}) }}, 0},
		"is going":                         {false, []func(*unstructured.Unstructured){goes}, 0},
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.Namespaces().Set(namespaceWith(t, nil, nil))
			ns := namespaceWith(t, nil, nil)
			ns.Name = "src"
			r.Namespaces().Set(ns)
			sources := r.SourcesOf(configMapsType)
			if row.atStart {
				sources.SetAtStart(r.labelled(row.changes[0]))
				row.changes = row.changes[1:]
			}
			r.Ready(configMapsType)
			r.work()
			for _, change := range row.changes {
				sources.Set(r.labelled(change))
				r.work()
			}
			if r.events != row.events {
				t.Errorf("%d events, want %d", r.events, row.events)
			}
			if r.patches+r.puts+r.creates+r.updates+r.deletes > 0 {
				t.Error("something else than events was written")
			}
		})
	}
}

func TestManyLabelsWithoutTheAnnotationMakeNoFloodOfEvents(t *testing.T) {
	r := newRig(t)
	ns := namespaceWith(t, nil, nil)
	ns.Name = "src"
	r.Namespaces().Set(ns)
	r.Ready(configMapsType)
	for n := range 200 {
		r.SourcesOf(configMapsType).Set(r.labelled(func(u *unstructured.Unstructured) {
			u.SetName(fmt.Sprintf("child-%d", n))
			u.SetUID(types.UID(fmt.Sprint("child-", n)))
		}))
		r.work()
	}
	if r.events != eventsOfObject {
		t.Errorf("%d events about 200 objects of one namespace, want %d", r.events, eventsOfObject)
	}
}
