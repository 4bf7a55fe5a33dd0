package mirror

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
)

func TestMirrorOfNamesAnObjectAsKubectlDoes(t *testing.T) {
	for text, want := range map[string]string{
		"secrets/db":                               "secrets/here/db",
		"certificates.cert-manager.io/web":         "certificates.cert-manager.io/here/web",
		"secrets/platform/registry":                "secrets/platform/registry",
		"widgets.example.com/a/b:c_D":              "widgets.example.com/a/b:c_D",
		"roles.rbac.authorization.k8s.io/a/b":      "neither stood for nor asked for",
		"rolebindings.rbac.authorization.k8s.io/b": "neither stood for nor asked for",
		"":                                    "neither RESOURCE/NAME",
		"secrets":                             "neither RESOURCE/NAME",
		"secrets/a/b/c":                       "neither RESOURCE/NAME",
		"Secret/db":                           "no resource",
		"Secret.v1/db":                        "no resource",
		"secrets./db":                         "no resource",
		"secrets.-a/db":                       "no resource",
		"/db":                                 "no resource",
		"secrets/":                            "no name of an object",
		"secrets/..":                          "no name of an object",
		"secrets/a%2fb":                       "no name of an object",
		"secrets/a b":                         "no name of an object",
		"secrets/Platform/x":                  "no name of a namespace",
		"secrets//x":                          "no name of a namespace",
		"secrets/../x":                        "no name of a namespace",
		"secrets/here/x":                      "its own namespace",
		"secrets/" + strings.Repeat("a", 254): "no name of an object",
	} {
		of, err := parseMirrorOf(text, "here")
		if err == nil && of.text() != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v; want %s", text, of.text(), err, want)
		}
		if err != nil && len(err.Error()) > 700 {
			t.Errorf("%q: the error has %d bytes", text, len(err.Error()))
		}
	}
}

// asking is a ConfigMap in the namespace here with the label and these annotations.
func asking(t *testing.T, annotations map[string]string) *Source {
	t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"ignored": "x"}}}
	u.SetNamespace("here")
	u.SetName("asks")
	u.SetUID("u-asks")
	u.SetLabels(map[string]string{api.LabelEnabled: "true"})
	all := map[string]string{api.AnnotationSync: "true"}
	maps.Copy(all, annotations)
	u.SetAnnotations(all)
	return testSettings(t).NewSource(configMapType.Resource, u)
}

func aSecret(namespace, name string, data map[string]any, annotations map[string]string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}}
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetUID(types.UID("u-" + name))
	u.SetAnnotations(annotations)
	return u
}

func TestAStandInSaysWhereItGoesAndTheNamedObjectWhatItIs(t *testing.T) {
	src := asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/db", api.AnnotationTargetNamespaces: "a", api.AnnotationTransform: "rules: [{path: data, keep: [user]}]"})
	if src.Mode != On || !src.Awaits || src.Intent(&Namespace{Identity: Identity{Name: "a"}}, func() bool { return true }) != IntentRetain {
		t.Fatalf("before it is known what it stands for: %v, awaits %v", src.Mode, src.Awaits)
	}
	settings := testSettings(t)
	full := settings.Standing(src, aSecret("here", "db", map[string]any{"user": "YQ==", "password": "Yg=="}, nil))
	shape, problems := full.Desired(namespaceOf("a"), "db")
	if shape == nil || len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	u := Draft{Source: full, Desired: shape, Namespace: "a", Name: "db"}.Object()
	if data := u.Object["data"].(map[string]any); len(data) != 1 || data["user"] != "YQ==" || u.GetKind() != "Secret" {
		t.Errorf("the mirror is a %s with %v", u.GetKind(), data)
	}
	if name, _ := full.MirrorName(namespaceOf("a")); name != "db" {
		t.Errorf("the mirror is called %q", name)
	}
	if SameSpec(full, settings.Standing(src, aSecret("here", "db", map[string]any{"user": "Yw=="}, nil))) || SameSpec(full, src) {
		t.Error("a change of what it stands for isn't seen")
	}
	again, resumed := asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/db", api.AnnotationTargetNamespaces: "a", api.AnnotationTransform: "rules: [{path: data, keep: [user]}]", api.AnnotationSyncStatus: "1/1 synced"}).Resume(full)
	if !resumed || again.SyncStatus != "1/1 synced" || !SameSpec(again, full) || !again.HasContent() {
		t.Errorf("a status that is written has it read again: %v", resumed)
	}
	if _, resumed := asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/db", api.AnnotationTargetNamespaces: "a,b"}).Resume(full); resumed {
		t.Error("other rules are taken for the same")
	}
}

func TestWhatIsStoodForMayBeMissingOrForbiddenAndThenNothingGoesOut(t *testing.T) {
	src := asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/db", api.AnnotationTargetNamespaces: "a"})
	settings := testSettings(t)
	release := aSecret("here", "db", nil, nil)
	release.Object["type"] = "helm.sh/release.v1"
	if got := settings.Standing(src, release); got.Mode != Refused || !strings.Contains(got.Reason, "are never mirrored") || got.HasContent() {
		t.Errorf("a release: mode %v, %q", got.Mode, got.Reason)
	}
	mirrored := aSecret("here", "db", nil, map[string]string{api.AnnotationMirrorID: "secrets/here/db", api.AnnotationSourceNamespace: "x", api.AnnotationSourceName: "db"})
	mirrored.SetLabels(map[string]string{api.LabelMirror: "true"})
	for it, row := range map[string]struct {
		u    *unstructured.Unstructured
		want string
	}{
		"isn't there": {nil, "there is no"},
		"is excluded": {aSecret("here", "db", nil, map[string]string{api.AnnotationExclude: "true"}), "lets it go nowhere"},
		"is a mirror": {mirrored, "is a mirror itself"},
	} {
		got := settings.Standing(src, row.u)
		if got.Mode != Missing || !strings.Contains(got.Reason, row.want) || got.HasContent() || got.Intent(&Namespace{Identity: Identity{Name: "a"}}, func() bool { return true }) != IntentAbsent {
			t.Errorf("what it stands for %s: mode %v, %q", it, got.Mode, got.Reason)
		}
		if back := settings.Standing(got, aSecret("here", "db", nil, nil)); back.Mode != On || back.Reason != "" {
			t.Errorf("when it is there again: mode %v, %q", back.Mode, back.Reason)
		}
	}
}

func TestARequestIsGrantedByTheNamesOfAllowTo(t *testing.T) {
	for list, want := range map[string]Consent{
		"": ConsentRefused, "here": ConsentGiven, "h*": ConsentGiven, "h*,!here": ConsentRefused, "*": ConsentGiven, "there": ConsentRefused,
		"here,a b": ConsentUnclear, "all": ConsentUnclear, "!": ConsentUnclear, strings.Repeat("x,", 501) + "here": ConsentUnclear,
	} {
		u := aSecret("platform", "registry", nil, map[string]string{api.AnnotationSync: "true", api.AnnotationAllowTo: list})
		u.SetLabels(map[string]string{api.LabelEnabled: "true"})
		src := testSettings(t).NewSource(secretType.Resource, u)
		if got := src.Grants("here"); got != want {
			t.Errorf("%q: %v, want %v (mode %v, %s)", list[:min(len(list), 20)], got, want, src.Mode, src.Reason)
		}
		if want == ConsentUnclear && src.Mode != Stopped {
			t.Errorf("%q: it isn't stopped", list[:min(len(list), 20)])
		}
	}
}

func TestARequestReadsTheSameWhetherThereIsNothingOrItIsNotGranted(t *testing.T) {
	src := asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/platform/registry"})
	if !src.Requests() || src.Mode != On || !src.Targets.AsksByName("here") {
		t.Fatalf("it is %v: %s", src.Mode, src.Reason)
	}
	got := testSettings(t).Granted(src, nil)
	if text := StatusOf(got, &Selection{}, nil, 9).Text; !strings.HasPrefix(text, "waiting: nothing is handed out to this namespace as secrets/platform/registry") {
		t.Errorf("the status is %q", text)
	}
	for _, key := range []string{api.AnnotationTargetNamespaces, api.AnnotationTargetSelector, api.AnnotationTargetKind, api.AnnotationMaxTargets, api.AnnotationAllowTo} {
		if src := asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/platform/registry", key: "1"}); src.Mode != Stopped || !strings.Contains(src.Reason, key) {
			t.Errorf("%s on a request: %v, %q", key, src.Mode, src.Reason)
		}
	}
}

func TestARequestsOwnRulesComeAfterTheSources(t *testing.T) {
	settings := testSettings(t)
	u := aSecret("platform", "registry", map[string]any{"a": "YQ==", "b": "Yg==", "c": "Yw=="}, map[string]string{
		api.AnnotationSync: "true", api.AnnotationAllowTo: "here", api.AnnotationTransform: "rules: [{path: data, keep: [a, b]}]", "note": "kept"})
	u.SetLabels(map[string]string{api.LabelEnabled: "true", "app": "x"})
	of := settings.NewSource(secretType.Resource, u)
	src := settings.Granted(asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/platform/registry", api.AnnotationTransform: "rules: [{path: data.d, from: data.b, move: true}]", api.AnnotationTargetName: "mine"}), of)
	name, problem := src.MirrorName(namespaceOf("here"))
	shape, problems := src.Desired(namespaceOf("here"), name)
	if problem != nil || shape == nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problem, problems)
	}
	made := Draft{Source: src, Desired: shape, Namespace: "here", Name: name}.Object()
	if data := made.Object["data"].(map[string]any); len(data) != 2 || data["a"] != "YQ==" || data["d"] != "Yg==" {
		t.Errorf("the data are %v", data)
	}
	annotations := made.GetAnnotations()
	if made.GetName() != "mine" || made.GetLabels()["app"] != "x" || annotations["note"] != "kept" || annotations[api.AnnotationSourceNamespace] != "here" ||
		annotations[api.AnnotationSourceName] != "asks" || annotations[api.AnnotationSourceType] != "configmaps" || annotations[api.AnnotationSourceOrigin] != "secrets/platform/registry" {
		t.Errorf("the mirror is %s with %v, %v", made.GetName(), made.GetLabels(), annotations)
	}
}

// A request's author may not read the source.
func TestI8ARequestsTemplatesReadNoMoreThanWhatGoesOut(t *testing.T) {
	settings := testSettings(t)
	u := aSecret("platform", "registry", map[string]any{"ca.crt": "YQ==", "tls.key": "Yg=="}, map[string]string{
		api.AnnotationSync: "true", api.AnnotationAllowTo: "here", api.AnnotationTransform: "rules: [{path: data, keep: [ca.crt]}]", "note": "kept",
		"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"tls.key":"withheld"}}`})
	u.SetLabels(map[string]string{api.LabelEnabled: "true", "app": "x"})
	of := settings.NewSource(secretType.Resource, u)
	const all = `{{ toJson .Labels }} {{ toJson .Annotations }}`
	src := settings.Granted(asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/platform/registry", api.AnnotationTransform: "rules: [{path: metadata.annotations.read, optional: true, template: '" + all + "'}]"}), of)
	shape, problems := src.Desired(namespaceOf("here"), "registry")
	if shape == nil || len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	if read := shape.Annotations["read"]; !strings.Contains(read, `"app":"x"`) || !strings.Contains(read, `"note":"kept"`) || strings.Contains(read, "withheld") || strings.Contains(read, api.Domain) {
		t.Errorf("they read %s", read)
	}
	named := settings.Granted(asking(t, map[string]string{api.AnnotationMirrorOf: "secrets/platform/registry", api.AnnotationTargetName: `x-{{ len (toJson .Annotations) }}`}), of)
	name, _ := named.MirrorName(namespaceOf("here"))
	if want := fmt.Sprintf("x-%d", len(`{"note":"kept"}`)); name != want {
		t.Errorf("the name is %q, want %q", name, want)
	}
}

func TestASecretBecomesAConfigMapAndBackByWhatIsText(t *testing.T) {
	made, err := configMapType.convert(map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "data": map[string]any{"text": "Y2E=", "bytes": "/w==", "empty": ""}})
	if err != nil || made["kind"] != "ConfigMap" || made["type"] != nil || made["immutable"] != true ||
		HashContent(Content(made)) != HashContent(map[string]any{"immutable": true, "data": map[string]any{"text": "ca", "empty": ""}, "binaryData": map[string]any{"bytes": "/w=="}}) {
		t.Errorf("%v, %v", made, err)
	}
	back, err := secretType.convert(made)
	if err != nil || HashContent(Content(back)) != HashContent(map[string]any{"immutable": true, "type": "Opaque", "data": map[string]any{"text": "Y2E=", "bytes": "/w==", "empty": ""}}) {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := configMapType.convert(map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "no base64 at all"}}); err == nil || strings.Contains(err.Error(), "at all") {
		t.Errorf("what is no base64: %v", err)
	}
	for _, row := range []struct {
		of         MirrorType
		kind, want string
	}{
		{secretType, "ConfigMap", ""}, {configMapType, "Secret", ""}, {secretType, "Secret", ""}, {secretType, "Deployment", "is neither"},
		{MirrorType{schema.GroupResource{Group: "apps", Resource: "deployments"}, schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}}, "Secret", "not those of a Deployment"},
	} {
		if _, err := row.of.turnedInto(row.kind); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("a %s as %s: %v", row.of.Kind, row.kind, err)
		}
	}
}
