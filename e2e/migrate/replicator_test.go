package migrate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

const replicatorSources = `
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-platform
  name: registry
  labels: {app: registry, app.kubernetes.io/managed-by: Helm}
  annotations:
    owner: the platform team
    replicator.v1.mittwald.de/replicate-to: PREFIX-team-.*
    replicator.v1.mittwald.de/replicate-to-matching: tier=PREFIX
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: eyJhdXRocyI6e319}
---
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: PREFIX-platform
  name: settings
  annotations: {replicator.v1.mittwald.de/replicate-to: "PREFIX-team-[ab]", replicator.v1.mittwald.de/strip-labels: "true"}
data: {a: b}
`

// What kubernetes-replicator v2.12.4 makes of them, less the moment and the version. The
// test compares it with the real program's where there is one.
const replicatorCopy = `
apiVersion: v1
kind: Secret
metadata:
  namespace: NAMESPACE
  name: registry
  labels: {app: registry, app.kubernetes.io/managed-by: Helm}
  annotations:
    replicator.v1.mittwald.de/replicated-at: "2026-11-28T12:00:00Z"
    replicator.v1.mittwald.de/replicated-from-version: VERSION
    replicator.v1.mittwald.de/replicated-keys: .dockerconfigjson
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: eyJhdXRocyI6e319}
`
const replicatorCopyOfConfigMap = `
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: NAMESPACE
  name: settings
  annotations:
    replicator.v1.mittwald.de/replicated-at: "2026-11-28T12:00:00Z"
    replicator.v1.mittwald.de/replicated-from-version: VERSION
    replicator.v1.mittwald.de/replicated-keys: a
data: {a: b}
`

// replicate makes the copies: by the program that REPLICATOR_BINARY names, or as it was
// recorded.
func (w *world) replicate(source, settings kit.Ref, namespaces []string) {
	w.t.Helper()
	version := map[string]string{}
	for _, r := range []kit.Ref{source, settings} {
		version[r.Name] = w.Get(r).GetResourceVersion()
	}
	recorded := func(text, name, namespace string) string {
		return replace(text, "NAMESPACE", namespace, "VERSION", `"`+version[name]+`"`)
	}
	binary := os.Getenv("REPLICATOR_BINARY")
	if binary == "" {
		for _, namespace := range namespaces {
			w.As("replicator").Apply(recorded(replicatorCopy, "registry", namespace))
		}
		for _, namespace := range namespaces[:2] {
			w.As("replicator").Apply(recorded(replicatorCopyOfConfigMap, "settings", namespace))
		}
		return
	}
	config, err := w.ControlPlane().Kubeconfig(w.Name("replicator"), controlplane.Admins)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := process.Start(process.Config{Name: "replicator", Path: binary, Args: []string{"--kubeconfig=" + config, "--status-addr=127.0.0.1:0"}, Log: filepath.Join(w.t.ArtifactDir(), "replicator.log")})
	if err != nil {
		w.t.Fatal(err)
	}
	defer p.Kill()
	for _, namespace := range namespaces {
		w.WaitFor(source.In(namespace), "is replicated as recorded", w.like(recorded(replicatorCopy, "registry", namespace)))
	}
	for _, namespace := range namespaces[:2] {
		w.WaitFor(settings.In(namespace), "is replicated as recorded", w.like(recorded(replicatorCopyOfConfigMap, "settings", namespace)))
	}
}

// like is the check of an object that is as recorded, but for the moment.
func (w *world) like(text string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		annotations := o.GetAnnotations()
		const at = "replicator.v1.mittwald.de/replicated-at"
		if _, err := time.Parse(time.RFC3339, annotations[at]); err != nil {
			return err
		}
		for _, values := range []map[string]string{annotations, o.GetLabels()} {
			for key, value := range values {
				if key != at && !strings.Contains(text, fmt.Sprintf("%s: %s", key, value)) && !strings.Contains(text, fmt.Sprintf("%s: %q", key, value)) {
					return fmt.Errorf("%s: %q isn't recorded", key, value)
				}
			}
		}
		for _, key := range []string{"replicated-at", "replicated-from-version", "replicated-keys"} {
			if annotations["replicator.v1.mittwald.de/"+key] == "" {
				return fmt.Errorf("it has no %s", key)
			}
		}
		return nil
	}
}

const replicatorWorkload = `
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: PREFIX-platform, name: replicator}
spec:
  replicas: 1
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: "registry.example.com/mirror/kubernetes-replicator:v2.12.4"}]}
`

func TestWhatReplicatorLeftIsTakenOverInPlaceAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	platform := w.Namespace("platform")
	namespaces := []string{w.Namespace("team-a"), w.Namespace("team-b"), w.Namespace("front", "tier="+w.Prefix())}
	w.Apply(replicatorSources)
	source, settings := kit.Object("Secret", platform, "registry"), kit.Object("ConfigMap", platform, "settings")
	w.replicate(source, settings, namespaces)

	workload := kit.Object("Deployment.v1.apps", platform, "replicator")
	w.Apply(replicatorWorkload)
	w.PatchStatus(workload, `{"status":{"replicas":1,"readyReplicas":1}}`)
	before := w.Get(source).GetResourceVersion()
	w.say(w.migrate(2, "--from", "replicator", "--apply"), "Deployment PREFIX-platform/replicator has 1 Pod", "kubectl -n PREFIX-platform scale deployment replicator --replicas=0", "--stopped")
	if now := w.Get(source).GetResourceVersion(); now != before {
		t.Error("the source was written while the old controller ran")
	}
	w.PatchStatus(workload, `{"status":{"replicas":0,"readyReplicas":0}}`)

	w.travel(journey{
		from:   "replicator",
		status: map[kit.Ref]string{source: "3/3 synced", settings: "2/2 synced"},
		copies: []kit.Ref{source.In(namespaces[0]), source.In(namespaces[1]), source.In(namespaces[2]), settings.In(namespaces[0]), settings.In(namespaces[1])},
		told:   []string{"3 copies become mirrors where they are, 0 mirrors to be made", "PREFIX-team-[ab]\" is no glob, so it becomes the 2 names"},
	})
}
