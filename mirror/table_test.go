package mirror

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The answer to a write and what the watch tells of it come in any order.
func TestI9AcceptedFormIsLearnedFromTheAnswer(t *testing.T) {
	src := &Source{APIVersion: "v1", Kind: "Secret"}
	shape, err := src.newShape(map[string]any{"type": "Opaque"})
	if err != nil {
		t.Fatal(err)
	}
	changed := Hash{7} // what a webhook makes of the labels, say
	version := func(resourceVersion string, metadata Hash) *Record {
		return &Record{
			Standing: Marked, identity: identity{Namespace: "ns", Name: "db", UID: "u", ResourceVersion: resourceVersion},
			Metadata: metadata, Stamped: true, knowledge: knowledge{state: contentTouched},
		}
	}
	type step struct {
		answer bool
		r      *Record
	}
	answer := func(resourceVersion string, metadata Hash) step {
		r := version(resourceVersion, metadata)
		r.learn(shape.Content, false)
		return step{true, r}
	}
	watched := func(resourceVersion string, metadata Hash) step {
		return step{false, version(resourceVersion, metadata)}
	}
	for _, row := range []struct {
		it    string
		come  []step
		plans Action
	}{
		{"the answer says what is there", []step{answer("5", shape.Metadata)}, None},
		{"what is watched after it confirms", []step{answer("5", shape.Metadata), watched("5", shape.Metadata)}, None},
		{"the answer tells the form", []step{answer("5", changed)}, None},
		{"the answer tells the form after the watch has", []step{watched("5", changed), answer("5", changed)}, None},
		{"a change of keys after it is drift", []step{answer("5", changed), watched("6", Hash{})}, Replace},
		{"another change may be one of content", []step{answer("5", changed), watched("6", changed)}, Read},
		{"a change that overtakes the answer may be one of content", []step{watched("6", shape.Metadata), answer("5", shape.Metadata)}, Read},
		{"the form is that of the last write", []step{answer("5", changed), answer("7", Hash{8}), watched("7", Hash{8})}, None},
	} {
		t.Run(row.it, func(t *testing.T) {
			table := newTable(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "Secret")
			for _, s := range row.come {
				if s.answer {
					table.answered(s.r, draft{source: src, shape: shape})
				} else {
					table.set(s.r)
				}
			}
			have := table.mirrors[row.come[0].r.key()]
			if got := plan(shape, have, table.forms[have.key()], false); got != row.plans {
				t.Errorf("plans to %s, want %s", got, row.plans)
			}
		})
	}
}
