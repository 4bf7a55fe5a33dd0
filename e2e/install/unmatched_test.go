package install

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// busy are kinds that are never mirrored and that a cluster, or anybody, writes all the
// time, each with what it takes.
var busy = []string{
	"Event|v1|involvedObject: {namespace: PREFIX-src, name: x}",
	"Event|events.k8s.io/v1|eventTime: '2026-01-01T00:00:00.000000Z', reportingController: a.b, reportingInstance: a, action: A, reason: R, type: Normal, regarding: {namespace: PREFIX-src, name: x}",
	"Lease|coordination.k8s.io/v1|spec: {}",
	"Pod|v1|spec: {containers: [{name: c, image: c}]}",
	"Endpoints|v1|subsets: []",
	"EndpointSlice|discovery.k8s.io/v1|addressType: IPv4, endpoints: []",
	"PersistentVolumeClaim|v1|spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}",
	"ReplicaSet|apps/v1|spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}",
	"ReplicationController|v1|spec: {selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}",
	"ControllerRevision|apps/v1|revision: 1, data: {}",
}

// No policy is asked about these, so that no text on them costs anything: neither as a
// source nor as a mirror.
func TestNoPolicyIsAskedAboutKindsThatAreNeverMirrored(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	policed(t, env, "--set=policies.mirrors.enabled=true", "--set=policies.authors.enabled=true")
	config := admin(t, env)
	try := func(kind, apiVersion, rest, label string) outcome {
		text := "---\n{apiVersion: " + apiVersion + ", kind: " + kind + ", metadata: {namespace: PREFIX-src, name: busy, labels: {kubemirror.raczylo.com/" + label + ": 'true'}, " +
			"annotations: {kubemirror.raczylo.com/sync: 'true', kubemirror.raczylo.com/paused: perhaps, kubemirror.raczylo.com/target-namespaces: '" + strings.Repeat(",", 16<<10) + "'}}, " + rest + "}"
		return run(t, strings.ReplaceAll(text, "PREFIX", env.Prefix()), "kubectl", "--kubeconfig="+config, "create", "--dry-run=server", "--validate=false", "-f-")
	}
	for _, label := range []string{"enabled", "mirror"} {
		if got := try("ConfigMap", "v1", "data: {}", label); got.code == 0 || !strings.Contains(got.errors, "ValidatingAdmissionPolicy") {
			t.Errorf("a ConfigMap with the label %s is refused by no policy: %s", label, got)
		}
		for _, row := range busy {
			fields := strings.SplitN(row, "|", 3)
			if got := try(fields[0], fields[1], fields[2], label); got.code != 0 {
				t.Errorf("a %s of %s with the label %s: %s", fields[0], fields[1], label, got)
			}
		}
	}
}
