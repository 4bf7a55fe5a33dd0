package mirror

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// certificate is a source of that type with these rules.
func certificate(kind, rules string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": kind,
		"data": map[string]any{"ca.crt": "Y2E=", "tls.crt": "Y3J0", "tls.key": "a2V5", ".dockerconfigjson": "e30=", "username": "bWU=", "password": "c2VjcmV0"}}}
	u.SetNamespace("src")
	u.SetName("app")
	u.SetLabels(map[string]string{api.LabelEnabled: "true"})
	u.SetAnnotations(map[string]string{api.AnnotationSync: "true", api.AnnotationTargetNamespaces: "a", api.AnnotationTransform: "rules: [" + rules + "]"})
	return u
}

// What a type of Secret asks for, the server would say in words that don't tell its
// author what to do.
func TestASecretThatTheRulesLeaveWithoutWhatItsTypeAsksForIsTold(t *testing.T) {
	settings := testSettings(t)
	for _, row := range []struct{ kind, rules, says string }{
		{"kubernetes.io/tls", `{path: data, keep: [ca.crt]}`, "kubernetes.io/tls needs tls.crt in data, which the rules leave out; add a rule {path: type, value: Opaque}"},
		{"kubernetes.io/tls", `{path: data, keep: ["*.crt"]}`, "needs tls.key"},
		{"kubernetes.io/tls", `{path: 'data["tls.key"]', delete: true}`, "needs tls.key"},
		{"kubernetes.io/tls", `{path: data, keep: ["tls.*"]}`, ""},
		{"kubernetes.io/tls", `{path: data, keep: [ca.crt]}, {path: type, value: Opaque}`, ""},
		{"kubernetes.io/dockerconfigjson", `{path: data, keep: [ca.crt]}`, "needs .dockerconfigjson"},
		{"kubernetes.io/basic-auth", `{path: data, keep: [ca.crt]}`, "needs username or password"},
		{"kubernetes.io/basic-auth", `{path: data, keep: [password]}`, ""},
		{"Opaque", `{path: data, keep: ["none*"]}`, ""},
		{"example.com/mine", `{path: data, delete: true}`, ""},
	} {
		shape, problems := settings.NewSource(secretType.Resource, certificate(row.kind, row.rules)).Desired(namespaceOf("a"), "app")
		if (row.says == "") != (shape != nil && len(problems) == 0) {
			t.Errorf("%s with %s: %v, %v", row.kind, row.rules, shape, problems)
		}
		if row.says != "" && (len(problems) != 1 || !problems[0].Failed || !strings.Contains(problems[0].Text, row.says)) {
			t.Errorf("%s with %s: %v, want %q", row.kind, row.rules, problems, row.says)
		}
	}
}

// Other rules that fail are skipped without transform-strict; one that says what may go
// out is not.
func TestI10ARuleThatCantKeepHoldsTheMirrorBackWhetherStrictOrNot(t *testing.T) {
	for _, strict := range []string{"", "true"} {
		u := certificate("Opaque", `{path: immutable, keep: [a]}, {path: data, keep: [ca.crt]}`)
		annotations := u.GetAnnotations()
		annotations[api.AnnotationTransformStrict] = strict
		u.SetAnnotations(annotations)
		shape, problems := testSettings(t).NewSource(secretType.Resource, u).Desired(namespaceOf("a"), "app")
		if shape != nil || len(problems) != 1 || !problems[0].Failed {
			t.Errorf("strict %q: %v, %v", strict, shape, problems)
		}
	}
}
