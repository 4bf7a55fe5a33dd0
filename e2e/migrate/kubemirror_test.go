package migrate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

// As version 0.4.18 leaves it; the test compares that with the real program's where there is one.
const before = `
apiVersion: v1
kind: Secret
metadata:
  namespace: NAMESPACE
  name: everywhere
  labels: {team: platform, kubemirror.raczylo.com/mirror: "true", kubemirror.raczylo.com/managed-by: kubemirror}
  annotations:
    kubemirror.raczylo.com/source-namespace: PREFIX-src
    kubemirror.raczylo.com/source-name: everywhere
    kubemirror.raczylo.com/source-uid: UID
    kubemirror.raczylo.com/source-content-hash: 0123456789abcdef
    kubemirror.raczylo.com/source-resource-version: "9"
    kubemirror.raczylo.com/last-sync-time: "2026-11-28T12:00:00Z"
type: Opaque
stringData: {password: hunter2}
`

// mirrorAsBefore makes the mirrors: by the program that KUBEMIRROR_BEFORE_BINARY names, or as
// it was recorded.
func (w *world) mirrorAsBefore(source kit.Ref, namespaces []string) {
	w.t.Helper()
	binary := os.Getenv("KUBEMIRROR_BEFORE_BINARY")
	if binary == "" {
		for _, namespace := range namespaces {
			w.As("kubemirror").Apply(replace(before, "NAMESPACE", namespace, "UID", string(w.Get(source).GetUID())))
		}
		return
	}
	config, err := w.ControlPlane().Kubeconfig(w.Name("before"), controlplane.Admins)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := process.Start(process.Config{Name: "kubemirror before", Path: binary, Log: filepath.Join(w.t.ArtifactDir(), "before.log"), Args: []string{
		"--kubeconfig=" + config, "--resource-types=Secret.v1,ConfigMap.v1", "--metrics-bind-address=0", "--health-probe-bind-address=0"}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer p.Kill()
	for _, namespace := range namespaces {
		w.WaitFor(source.In(namespace), "is mirrored as recorded", func(o *unstructured.Unstructured) error {
			for _, key := range []string{"source-namespace", "source-name", "source-uid", "source-content-hash", "source-resource-version", "last-sync-time"} {
				if o.GetAnnotations()["kubemirror.raczylo.com/"+key] == "" {
					return errors.New("it lacks the annotation " + key)
				}
			}
			if o.GetLabels()["kubemirror.raczylo.com/mirror"] != "true" || o.GetLabels()["kubemirror.raczylo.com/managed-by"] != "kubemirror" {
				return errors.New("it lacks a label")
			}
			return nil
		})
	}
	w.WaitFor(source, "has been looked at", func(o *unstructured.Unstructured) error {
		if kit.StatusOf(o) == "" {
			return errors.New("it has no status")
		}
		return nil
	})
}

// It reads all that has our labels, so no other test is to have any while it runs.
func TestWhatTheKubemirrorBeforeLeftIsTakenOverInPlaceAndTakenBack(t *testing.T) {
	w := newWorld(t)
	src, a, b := w.Namespace("src"), w.Namespace("a"), w.Namespace("b")
	w.As("author").Apply(`
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-src
  name: everywhere
  labels: {team: platform, kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: PREFIX-*, kube-*
    kubemirror.raczylo.com/exclude: "true"
type: Opaque
stringData: {password: hunter2}
`)
	source := kit.Object("Secret", src, "everywhere")
	w.mirrorAsBefore(source, []string{a, b})
	w.travel(journey{
		from:   "kubemirror",
		status: map[kit.Ref]string{source: "2/2 synced"},
		copies: []kit.Ref{source.In(a), source.In(b)},
		told:   []string{"it would newly reach kube-node-lease, kube-public, kube-system", `exclude: "true" had no effect`},
	})
}
