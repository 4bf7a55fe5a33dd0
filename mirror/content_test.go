package mirror

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestAJobIsCopiedWithoutWhatTheServerHasItFindItsPodsBy(t *testing.T) {
	const job = `
apiVersion: batch/v1
kind: Job
metadata: {namespace: a, name: j}
spec:
  %s
  selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}
  template:
    metadata: {labels: {%sbatch.kubernetes.io/controller-uid: u, batch.kubernetes.io/job-name: j, controller-uid: u, job-name: j}}
    spec: {restartPolicy: Never}
`
	for _, row := range []struct{ manual, labels, want string }{
		{"suspend: true", "a: b, ", "{suspend: true, template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never}}}"},
		{"suspend: true", "", "{suspend: true, template: {metadata: {}, spec: {restartPolicy: Never}}}"},
		{"manualSelector: true", "", "{manualSelector: true, selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}, template: {metadata: {labels: {batch.kubernetes.io/controller-uid: u, " +
			"batch.kubernetes.io/job-name: j, controller-uid: u, job-name: j}}, spec: {restartPolicy: Never}}}"},
	} {
		object := map[string]any{}
		text := fmt.Sprintf(job, row.manual, row.labels)
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		var want any
		if err := yaml.Unmarshal([]byte(row.want), &want); err != nil {
			t.Fatal(err)
		}
		if got := Content(object)["spec"]; !reflect.DeepEqual(got, want) {
			t.Errorf("of %s a mirror gets %v, want %v", text, got, want)
		}
		if _, there, _ := unstructured.NestedMap(object, "spec", "selector"); !there {
			t.Error("the object itself was changed")
		}
	}
}

func TestRulesMayNotChangeWhatARoleGrants(t *testing.T) {
	for rules, want := range map[string]bool{
		"[{path: metadata.labels, merge: {a: b}}]":                                   true,
		"[{path: rules, value: []}]":                                                 false,
		"[{path: 'rules[0].verbs', value: ['*']}]":                                   false,
		"[{path: metadata.annotations, merge: {a: b}}, {path: rules, delete: true}]": false,
	} {
		source := testSettings(t).NewSource(configMaps.GroupResource(), parsed(t, strings.NewReplacer("D/", "kubemirror.raczylo.com/", "RULES", rules).Replace(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  namespace: team-a
  name: r
  labels: {D/enabled: "true"}
  annotations:
    D/sync: "true"
    D/target-namespaces: app
    D/transform: "rules: RULES"
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`)))
		shape, problems := source.Desired(namespaceOf("app"), "r")
		if made := shape != nil; made != want || !want && !strings.Contains(fmt.Sprint(problems), "not what it grants") {
			t.Errorf("by %s it is made: %v, and told is %v", rules, made, problems)
		}
	}
}
