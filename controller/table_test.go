package controller

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// The answer to a write and what the watch tells of it come in any order.
func TestI9AcceptedFormIsLearnedFromTheAnswer(t *testing.T) {
	settings := mirror.Settings{MaxTargets: 100}
	src := settings.NewSource(configMapsType.GroupResource(), newRig(t).object("src", api.LabelEnabled, "a"))
	shape, _ := src.Desired(namespaceOf("a"), "s")
	changed := mirror.Hash{7} // what a webhook makes of the labels, say
	version := func(resourceVersion string, metadata mirror.Hash) *mirror.Record {
		return &mirror.Record{
			Standing: mirror.Marked, Identity: mirror.Identity{Namespace: "ns", Name: "db", UID: "u", ResourceVersion: resourceVersion},
			Metadata: metadata, Stamped: true, Knowledge: mirror.Knowledge{State: mirror.ContentTouched},
		}
	}
	type step struct {
		answer bool
		r      *mirror.Record
	}
	answer := func(resourceVersion string, metadata mirror.Hash) step {
		r := version(resourceVersion, metadata)
		r.Learn(shape.Content, false)
		return step{true, r}
	}
	watched := func(resourceVersion string, metadata mirror.Hash) step {
		return step{false, version(resourceVersion, metadata)}
	}
	for _, row := range []struct {
		it    string
		come  []step
		plans mirror.Action
	}{
		{"the answer says what is there", []step{answer("5", shape.Metadata)}, mirror.None},
		{"what is watched after it confirms", []step{answer("5", shape.Metadata), watched("5", shape.Metadata)}, mirror.None},
		{"the answer tells the form", []step{answer("5", changed)}, mirror.None},
		{"the answer tells the form after the watch has", []step{watched("5", changed), answer("5", changed)}, mirror.None},
		{"a change of keys after it is drift", []step{answer("5", changed), watched("6", mirror.Hash{})}, mirror.Replace},
		{"another change may be one of content", []step{answer("5", changed), watched("6", changed)}, mirror.Read},
		{"a change that overtakes the answer may be one of content", []step{watched("6", shape.Metadata), answer("5", shape.Metadata)}, mirror.Read},
		{"the form is that of the last write", []step{answer("5", changed), answer("7", mirror.Hash{8}), watched("7", mirror.Hash{8})}, mirror.None},
	} {
		t.Run(row.it, func(t *testing.T) {
			table := newTable(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "ConfigMap", newOwners())
			for _, s := range row.come {
				if s.answer {
					table.recordAnswer(s.r, mirror.Draft{Source: src, Desired: shape})
				} else {
					table.set(s.r)
				}
			}
			have := table.mirrors[row.come[0].r.Key()]
			if got := mirror.Plan(shape, have, table.accepted[have.Key()], false); got != row.plans {
				t.Errorf("plans to %s, want %s", got, row.plans)
			}
		})
	}
}
