package mirror

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The answer to a write has no content, its echo has; which comes first is chance.
func TestI9AcceptedFormIsLearnedFromAnswerAndEcho(t *testing.T) {
	src := &Source{APIVersion: "v1", Kind: "Secret"}
	shape, err := src.newShape(map[string]any{"type": "Opaque"})
	if err != nil {
		t.Fatal(err)
	}
	defaulted := hashContent(map[string]any{"type": "Opaque", "default": "x"})
	version := func(resourceVersion string, content Hash, s *sent) *Record {
		return &Record{
			Standing: Marked,
			identity: identity{Namespace: "ns", Name: "db", UID: "u", ResourceVersion: resourceVersion},
			Content:  content, Metadata: shape.Metadata, Stamped: true, sent: s,
		}
	}
	answer := func() *Record { return version("5", shape.Content, &sent{shape: shape}) }
	for _, row := range []struct {
		it        string
		come      []*Record
		plans     Action
		converges bool // no more is to be learned
	}{
		{"the answer alone counts as in sync", []*Record{answer()}, None, false},
		{"the echo after it confirms", []*Record{answer(), version("5", shape.Content, nil)}, None, true},
		{"the echo after it tells the form", []*Record{answer(), version("5", defaulted, nil)}, None, true},
		{"the echo before it tells the form", []*Record{version("5", defaulted, nil), answer()}, None, true},
		{"a change after both is drift", []*Record{answer(), version("5", defaulted, nil), version("6", Hash{}, nil)}, Replace, true},
		{"a change that overtakes the echo is drift", []*Record{answer(), version("6", Hash{}, nil)}, Replace, true},
		{"the form is that of the last write", []*Record{answer(), version("5", defaulted, nil), version("7", shape.Content, &sent{shape: shape}), version("7", Hash{}, nil)}, None, true},
	} {
		t.Run(row.it, func(t *testing.T) {
			table := newTable(schema.GroupVersionResource{Version: "v1", Resource: "secrets"})
			for _, r := range row.come {
				table.set(r)
			}
			have := table.mirrors[row.come[0].key()]
			if got := plan(shape, have, table.forms[have.key()], false); got != row.plans {
				t.Errorf("plans to %s, want %s", got, row.plans)
			}
			if (have.sent == nil) != row.converges {
				t.Errorf("waits for the echo: %t", have.sent != nil)
			}
		})
	}
}
