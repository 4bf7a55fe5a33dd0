package mirror

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
)

func testSettings(t *testing.T) *Settings {
	t.Helper()
	strip, err := ParseStrip("example.com/private-*")
	if err != nil {
		t.Fatal(err)
	}
	return &Settings{MaxTargets: 100, Strip: strip}
}

const sourceText = `
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: default
  uid: s1
  resourceVersion: "4"
  labels: {D/enabled: "true"}
  annotations:
    D/sync: "true"
    D/target-namespaces: all
type: Opaque
data: {password: c2VjcmV0}
`

func TestSourceMode(t *testing.T) {
	for _, row := range []struct {
		it, old, new string
		want         Mode
		reason       string
	}{
		{it: "is on", want: On},
		{it: "is off without sync", old: `D/sync: "true"`, new: `D/sync: "false"`, want: Off},
		{it: "is on though it was made of a mirror", old: `D/enabled: "true"`, new: `D/enabled: "true", D/mirror: "true", D/managed-by: kubemirror`, want: On},
		{it: "is off without the label's word", old: `D/enabled: "true"`, new: `D/enabled: "false"`, want: Off},
		{it: "stops for a label that can't be read", old: `D/enabled: "true"`, new: `D/enabled: "True"`, want: Stopped, reason: `/enabled: "True"`},
		{it: "stops for an unknown annotation", old: `D/sync: "true"`, new: "D/sync: \"true\"\n    D/transforms: x", want: Stopped, reason: "unknown annotation kubemirror.raczylo.com/transforms; did you mean kubemirror.raczylo.com/transform?"},
		{it: "stops for sync misspelt, rather than being off", old: `D/sync: "true"`, new: `D/snyc: "true"`, want: Stopped, reason: "did you mean kubemirror.raczylo.com/sync?"},
		{it: "is off when excluded, whatever is unknown", old: `D/sync: "true"`, new: "D/exclude: \"true\"\n    D/transforms: x", want: Off},
		{it: "stops for a bad target", old: "D/target-namespaces: all", new: "D/target-namespaces: a;b", want: Stopped, reason: `"a;b"`},
		{it: "stops for a rule about a field that no Secret has", old: "D/target-namespaces: all", new: "D/transform: 'rules: [{path: Data.password, delete: true}]'", want: Stopped, reason: `no field "Data"`},
		{it: "is off when excluded", old: `D/sync: "true"`, new: "D/sync: \"true\"\n    D/exclude: \"true\"", want: Off},
		{it: "is off when excluded and paused", old: `D/sync: "true"`, new: "D/sync: \"true\"\n    D/exclude: \"true\"\n    D/paused: \"true\"", want: Off},
		{it: "is paused", old: `D/sync: "true"`, new: "D/sync: \"true\"\n    D/paused: \"true\"", want: Paused},
		{it: "is refused for a service account's token", old: "type: Opaque", new: "type: kubernetes.io/service-account-token", want: Refused, reason: "service-account-token"},
		{it: "is refused for a release of Helm", old: "type: Opaque", new: "type: helm.sh/release.v1", want: Refused, reason: "helm.sh/release.v1"},
		{it: "stops for an unclear switch", old: `D/sync: "true"`, new: `D/sync: "yes"`, want: Stopped, reason: `"yes"`},
		{it: "stops for an unclear exclusion", old: `D/sync: "true"`, new: "D/sync: \"true\"\n    D/exclude: \"True\"", want: Stopped, reason: "/exclude"},
		{it: "is off, whatever else is wrong with it, when it is excluded", old: `D/sync: "true"`, new: "D/sync: \"yes\"\n    D/exclude: \"true\"\n    D/paused: \"1\"", want: Off},
		{it: "is off, whatever else is wrong with it, without sync", old: `D/sync: "true"`, new: "D/sync: \"false\"\n    D/exclude: \"yes\"", want: Off},
		{it: "stops for a bad selector", old: "D/target-namespaces: all", new: "D/target-selector: '=='", want: Stopped, reason: "/target-selector"},
		{it: "stops for a bad number", old: "D/target-namespaces: all", new: "D/max-targets: many", want: Stopped, reason: `"many"`},
		{it: "stops for a negative number", old: "D/target-namespaces: all", new: `D/max-targets: "-1"`, want: Stopped, reason: `"-1"`},
		{it: "stops for a bad name", old: "D/target-namespaces: all", new: "D/target-name: No_Name", want: Stopped, reason: "/target-name"},
		{it: "stops for bad rules", old: "D/target-namespaces: all", new: "D/transform: '['", want: Stopped, reason: "/transform"},
	} {
		t.Run(row.it, func(t *testing.T) {
			src := testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, strings.Replace(sourceText, row.old, row.new, 1)))
			if src.Mode != row.want || !strings.Contains(src.Reason, row.reason) {
				t.Errorf("mode %d because of %q, want %d because of %q", src.Mode, src.Reason, row.want, row.reason)
			}
		})
	}
}

func TestSourceFingerprintLeavesOutTheStatus(t *testing.T) {
	before := testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, sourceText))
	status := strings.Replace(sourceText, "D/sync:", "D/sync-status: 5/5 synced\n    D/sync:", 1)
	if testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, status)).fingerprint != before.fingerprint {
		t.Error("our own status has all mirrors looked at again")
	}
	if testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, strings.Replace(sourceText, "c2Vj", "c2Vk", 1))).fingerprint == before.fingerprint {
		t.Error("a change of content goes unseen")
	}
}

func TestMaxTargetsLowersAndNeverRaises(t *testing.T) {
	for text, want := range map[string]int{"": 100, "5": 5, "0": 0, "500": 100} {
		annotated := sourceText
		if text != "" {
			annotated = strings.Replace(sourceText, "D/sync:", `D/max-targets: "`+text+"\"\n    D/sync:", 1)
		}
		if got := testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, annotated)).Limit(testSettings(t)); got != want {
			t.Errorf("with %q the limit is %d, want %d", text, got, want)
		}
	}
}

func TestShapeHasNothingOfOtherTools(t *testing.T) {
	text := strings.Replace(sourceText, `{D/enabled: "true"}`,
		`{D/enabled: "true", app: db, app.kubernetes.io/managed-by: Helm, app.kubernetes.io/instance: x, app.kubernetes.io/name: db, kustomize.toolkit.fluxcd.io/name: z}`, 1)
	text = strings.Replace(text, "D/sync:", `kubectl.kubernetes.io/last-applied-configuration: c2VjcmV0
    argocd.argoproj.io/tracking-id: x
    meta.helm.sh/release-name: x
    helm.sh/resource-policy: keep
    reconcile.external-secrets.io/data-hash: x
    deployment.kubernetes.io/revision: "1"
    objectset.rio.cattle.io/id: x
    kapp.k14s.io/identity: x
    example.com/private-note: x
    example.com/note: kept
    D/sync:`, 1)
	shape, problems := testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, text)).Desired(namespaceOf("app"), "db")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	labels := []string{"app", "app.kubernetes.io/name", api.LabelManagedBy, api.LabelMirror}
	annotations := []string{"example.com/note", api.AnnotationSourceNamespace, api.AnnotationSourceName, api.AnnotationSourceUID, api.AnnotationContentHash, api.AnnotationSourceKeys}
	if len(shape.Labels) != len(labels) || len(shape.Annotations) != len(annotations) {
		t.Errorf("labels %v and annotations %v", shape.Labels, shape.Annotations)
	}
	for _, key := range labels {
		if shape.Labels[key] == "" {
			t.Errorf("label %s is missing", key)
		}
	}
	for _, key := range annotations {
		if shape.Annotations[key] == "" {
			t.Errorf("annotation %s is missing", key)
		}
	}
}

func TestShapeAndRecordOfTheSameObjectAgree(t *testing.T) {
	src := testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, sourceText))
	shape, _ := src.Desired(namespaceOf("app"), "db")
	written := objectOf(t, Draft{src, shape, "app", "db"}, nil)
	written.Object["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{"manager": api.FieldManager}}
	r := NewRecord(configMaps.GroupResource(), written)
	r.Learn(HashContent(Content(written.Object)), false)
	if Plan(shape, r, nil, false) != None {
		t.Error("what was written isn't recognised as what was to be written")
	}
	if strings.Contains(shape.Annotations[api.AnnotationContentHash], " ") || len(shape.Annotations[api.AnnotationContentHash]) != 64 {
		t.Errorf("the hash is %q, want SHA-256 in hex", shape.Annotations[api.AnnotationContentHash])
	}
}

func TestI8ARefusedWriteIsToldWithoutContent(t *testing.T) {
	for _, row := range []struct{ it, message, want string }{
		{"quota", `secrets "db" is forbidden: exceeded quota: small, requested: hunter2`, "create: forbidden: exceeded quota: small"},
		{"a webhook", `admission webhook "deny.example.com" denied the request: hunter2 is bad`, `create: forbidden: admission webhook "deny.example.com"`},
		{"whatever", `hunter2`, "create: forbidden"},
	} {
		t.Run(row.it, func(t *testing.T) {
			if got := WriteProblem("create", forbidden(row.message)).Text; got != row.want {
				t.Errorf("tells %q, want %q", got, row.want)
			}
		})
	}
	policy := &apierrors.StatusError{ErrStatus: metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid,
		Message: `secrets "db" is forbidden: ValidatingAdmissionPolicy 'keep' with binding 'keep' denied request: hunter2`}}
	if got, want := WriteProblem("delete", policy).Text, "delete: the server finds it invalid: ValidatingAdmissionPolicy 'keep'"; got != want {
		t.Errorf("tells of a policy %q, want %q", got, want)
	}
}

func TestCredentialsThatTheServerDoesNotTakeAreNoFaultOfASourcesAuthor(t *testing.T) {
	if p := WriteProblem("update", apierrors.NewUnauthorized("expired")); p.Reason != ReasonServerTrouble || !strings.Contains(p.Text, "401") {
		t.Errorf("it is told as %q: %s", p.Reason, p.Text)
	}
}

// namespaceOf is a namespace of that name, without labels and annotations.
func namespaceOf(name string) *Namespace { return &Namespace{Identity: Identity{Name: name}} }
