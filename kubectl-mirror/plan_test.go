package main

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
)

// canary is a value that must not be seen.
const canary = "aHVudGVyMg=="

func TestMaskedValuesOfASecretSayOnlyWhetherTheyDiffer(t *testing.T) {
	before := map[string]any{"data": map[string]any{"same": canary, "changed": canary, "gone": canary}}
	after := map[string]any{"data": map[string]any{"same": canary, "changed": canary + "longer", "new": canary}, "stringData": map[string]any{"more": canary}}
	mask(before, after)
	want := []string{"data:\n", "  changed: '*** (before)'\n", "  gone: '***'\n", "  same: '***'\n"}
	if got := lines(before); strings.Join(got, "") != strings.Join(want, "") {
		t.Errorf("before is %q", got)
	}
	want = []string{"data:\n", "  changed: '*** (after)'\n", "  new: '***'\n", "  same: '***'\n", "stringData:\n", "  more: '***'\n"}
	if got := lines(after); strings.Join(got, "") != strings.Join(want, "") {
		t.Errorf("after is %q", got)
	}
	mask(nil, nil) // a mirror that is made or goes
}

// What others put on a mirror stays there, and is no part of the difference; and a record of
// how somebody applied it would have all its values.
func TestWhatOthersPutOnAMirrorIsNoPartOfTheDifference(t *testing.T) {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"key": "x"}}}
	u.SetNamespace("a")
	u.SetName("db")
	u.SetUID("1")
	u.SetLabels(map[string]string{api.LabelMirror: "true", "team": "a", "tier": "x"})
	u.SetAnnotations(map[string]string{
		api.AnnotationMirrorID: "secrets/a/db", api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "db", api.AnnotationSourceKeys: "tier;",
		"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"key":"` + canary + `"}}`, "note": "theirs",
	})
	c := change{kind: discovery.Type{Resource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, Kind: "Secret"}}
	text := strings.Join(lines(document(c, u)), "")
	if !strings.Contains(text, "tier: x") {
		t.Errorf("its own label is not in the difference:\n%s", text)
	}
	for _, hidden := range []string{canary, "note", "team", api.Domain} {
		if strings.Contains(text, hidden) {
			t.Errorf("%q is in the difference:\n%s", hidden, text)
		}
	}
}

func TestAFileThatCantBeReadIsNamedAndNotQuoted(t *testing.T) {
	for _, err := range []error{
		runtime.NewMissingKindErr(`{"data":{"password":"` + canary + `"}}`),
		errors.New("unable to decode \"x.yaml\": json: cannot unmarshal string " + canary + " into Go value"),
		errors.New("error unmarshaling JSON: " + canary),
	} {
		if text := unreadable(err).Error(); strings.Contains(text, canary) {
			t.Errorf("it says %q", text)
		}
	}
}

func TestNothingOnATerminalIsObeyed(t *testing.T) {
	if got := printable("a\x1b[2Jb\nc\x07"); got != "a [2Jb c " {
		t.Errorf("it is printed as %q", got)
	}
}
