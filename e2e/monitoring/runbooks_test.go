package monitoring

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// deployed is what the commands of the runbooks look at.
const deployed = `
{apiVersion: v1, kind: Namespace, metadata: {name: kubemirror-system}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kubemirror, namespace: kubemirror-system}
spec:
  selector: {matchLabels: {app: kubemirror}}
  template: {metadata: {labels: {app: kubemirror}}, spec: {containers: [{name: kubemirror, image: kubemirror, args: [--max-targets=100]}]}}
---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: kubemirror-controller-leader, namespace: kubemirror-system}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: team-a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: registry, namespace: team-a}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: kubemirror, namespace: kubemirror-system}}
`

// command is a line of a runbook that only reads from the API server.
var command = regexp.MustCompile(`(?m)^kubectl (-n \S+ )?(get|auth|api-resources) .*$`)

func TestTheCommandsOfTheRunbooksWork(t *testing.T) {
	env := kit.New(t)
	env.Apply(deployed)
	config, err := env.ControlPlane().Kubeconfig("admin", controlplane.Admins)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range command.FindAllString(read(t, "docs", "runbooks.md"), -1) {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+config)
		out, err := cmd.CombinedOutput()
		if strings.HasPrefix(line, "kubectl auth can-i") {
			err = nil // "no" is an answer, with exit status 1
		}
		if err != nil || bytes.Contains(out, []byte("error:")) {
			t.Errorf("%s: %v:\n%s", line, err, out)
		}
	}
}
