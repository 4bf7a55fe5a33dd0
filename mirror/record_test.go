package mirror

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/api"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "D/", api.Domain+"/")), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

const mirrored = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: db
  namespace: app
  uid: u1
  resourceVersion: "5"
  labels: {D/mirror: "true", D/managed-by: kubemirror, app: db, team: x}
  annotations:
    D/mirror-id: configmaps/app/db
    D/source-keys: app;
    D/source-namespace: default
    D/source-name: db
    D/source-uid: s1
    D/source-content-hash: abc
    D/source-resource-version: "4"
    D/last-sync-time: "2026-01-01T00:00:00Z"
    note: hello
  managedFields:
  - manager: kubemirror
    operation: Update
    fieldsV1:
      f:data: {}
      f:metadata:
        f:labels: {".": {}, "f:D/mirror": {}, "f:D/managed-by": {}, "f:app": {}}
        f:annotations: {"f:D/source-resource-version": {}, "f:D/last-sync-time": {}}
  - manager: kubectl-label
    operation: Update
    fieldsV1:
      f:metadata:
        f:labels: {"f:team": {}}
        f:annotations: {"f:note": {}}
data: {k: v}
`

func TestRecordTellsOursFromTheirs(t *testing.T) {
	r := NewRecord(configMaps.GroupResource(), parsed(t, mirrored))
	if r.Source() != (SourceKey{configMaps.GroupResource(), "default", "db"}) || r.SourceUID() != "s1" {
		t.Errorf("names %v %s as its source", r.Source(), r.SourceUID())
	}
	if len(r.Unmanaged.labels) != 1 || r.Unmanaged.labels["team"] != "x" || len(r.Unmanaged.annotations) != 1 || r.Unmanaged.annotations["note"] != "hello" {
		t.Errorf("takes %v and %v for others'", r.Unmanaged.labels, r.Unmanaged.annotations)
	}
	if !r.Stamped {
		t.Error("finds its stamps wanting")
	}
}

func TestRecordChangesWithWhatCounts(t *testing.T) {
	before := NewRecord(configMaps.GroupResource(), parsed(t, mirrored))
	for _, row := range []struct {
		it, old, new      string
		metadata, stamped bool // whether the hash is to change
	}{
		{"other content", "data: {k: v}", "data: {k: w}", false, true},
		{"status", "data: {k: v}", "data: {k: v}\nstatus: {ready: true}", false, true},
		{"a label of ours", "app: db", "app: cache", true, true},
		{"a label of ours that is gone", "app: db, ", "", true, true},
		{"a label of another", "team: x", "team: z", false, true},
		{"the source's name in the annotations", "D/source-name: db", "D/source-name: other", true, true},
		{"the stated hash", "D/source-content-hash: abc", "D/source-content-hash: abd", true, true},
		{"the manager label", "D/managed-by: kubemirror,", "D/managed-by: me,", true, true},
		{"a stamp of our own", `D/source-resource-version: "4"`, `D/source-resource-version: "9"`, false, true},
		{"a stamp that is gone", `D/last-sync-time: "2026-01-01T00:00:00Z"`, ``, false, false},
	} {
		t.Run(row.it, func(t *testing.T) {
			after := NewRecord(configMaps.GroupResource(), parsed(t, strings.Replace(mirrored, row.old, row.new, 1)))
			if (after.Metadata != before.Metadata) != row.metadata || after.Stamped != row.stamped {
				t.Errorf("metadata differs: %v, stamped: %v", after.Metadata != before.Metadata, after.Stamped)
			}
		})
	}
}

// Who wrote it tells how the type has its status.
func TestAStatusThatAPutWouldTakeAwayIsSeen(t *testing.T) {
	for _, row := range []struct {
		it, entry string
		want      bool
	}{
		{"is a part of the object", "{manager: operator, operation: Update, fieldsV1: {f:status: {f:phase: {}}}}", true},
		{"is a subresource", "{manager: operator, operation: Update, subresource: status, fieldsV1: {f:status: {f:phase: {}}}}", false},
		{"is nobody's", "{manager: operator, operation: Update, fieldsV1: {f:spec: {}}}", false},
	} {
		t.Run(row.it, func(t *testing.T) {
			u := parsed(t, strings.Replace(mirrored, "managedFields:\n", "managedFields:\n  - "+row.entry+"\n", 1))
			if got := NewRecord(configMaps.GroupResource(), u).HasStatus; got != row.want {
				t.Errorf("it has one to be carried along: %v", got)
			}
		})
	}
}

func TestAStampThatSomebodyElseWroteIsSeen(t *testing.T) {
	text := strings.Replace(mirrored, `"f:D/last-sync-time": {}`, "", 1)
	text = strings.Replace(text, `"f:note": {}`, `"f:note": {}, "f:D/last-sync-time": {}`, 1)
	if NewRecord(configMaps.GroupResource(), parsed(t, text)).Stamped {
		t.Error("a stamp of somebody else passes for ours")
	}
}

func TestRecordIngestAcceptsItsOwnOutput(t *testing.T) {
	once, err := IngestMirror(configMaps)(parsed(t, mirrored))
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := IngestMirror(configMaps)(once); err != nil || twice != once {
		t.Errorf("a second pass makes %v of it, error %v", twice, err)
	}
}

func TestServicesCompareWithoutWhatTheServerAllocates(t *testing.T) {
	one := parsed(t, `{apiVersion: v1, kind: Service, spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], healthCheckNodePort: 30001, type: LoadBalancer, ports: [{port: 80, nodePort: 30080}]}}`)
	two := parsed(t, `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, ports: [{port: 80}]}}`)
	headless := parsed(t, `{apiVersion: v1, kind: Service, spec: {clusterIP: None, type: LoadBalancer, ports: [{port: 80}]}}`)
	other := parsed(t, `{apiVersion: example.com/v1, kind: Service, spec: {clusterIP: 10.0.0.1, type: LoadBalancer, ports: [{port: 80}]}}`)
	hash := func(u *unstructured.Unstructured) Hash { return HashContent(Content(u.Object)) }
	if hash(one) != hash(two) {
		t.Error("allocated addresses and ports count as content")
	}
	if hash(headless) == hash(two) || hash(other) == hash(two) {
		t.Error("what isn't allocated doesn't count as content")
	}
	listed := parsed(t, `{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: db.example.com}}`)
	watched := parsed(t, `{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: db.example.com, internalTrafficPolicy: Cluster}}`)
	if hash(listed) != hash(watched) {
		t.Error("what only a watch shows counts as content")
	}
	if one.Object["spec"].(map[string]any)["clusterIP"] != "10.0.0.1" {
		t.Error("reading the content changed the object")
	}
}
