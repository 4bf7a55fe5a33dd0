package migrate

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// It reads all that has our labels, so no other test is to have any while it runs.
func TestWhatTheOriginalKubemirrorLeftIsTakenOverInPlaceAndTakenBack(t *testing.T) {
	w := newWorld(t)
	src, a, b := w.Namespace("src"), w.Namespace("a"), w.Namespace("b")
	w.As("kubemirror").Apply(`
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-src
  name: everywhere
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: all
    kubemirror.raczylo.com/exclude: "true"
    kubemirror.raczylo.com/sync-status: reconciled:2,errors:0
type: Opaque
stringData: {password: hunter2}
`)
	source := kit.Object("Secret", src, "everywhere")
	uid := string(w.Get(source).GetUID())
	for _, namespace := range []string{a, b} {
		w.As("kubemirror").Apply(`
apiVersion: v1
kind: Secret
metadata:
  namespace: ` + namespace + `
  name: everywhere
  labels: {kubemirror.raczylo.com/mirror: "true", kubemirror.raczylo.com/managed-by: kubemirror}
  annotations:
    kubemirror.raczylo.com/source-namespace: PREFIX-src
    kubemirror.raczylo.com/source-name: everywhere
    kubemirror.raczylo.com/source-uid: ` + uid + `
    kubemirror.raczylo.com/source-content-hash: 0123456789abcdef
    kubemirror.raczylo.com/source-resource-version: "9"
    kubemirror.raczylo.com/last-sync-time: "2026-11-28T12:00:00Z"
type: Opaque
stringData: {password: hunter2}
`)
	}
	w.travel(journey{
		from:   "kubemirror",
		status: map[kit.Ref]string{source: "2/2 synced"},
		copies: []kit.Ref{source.In(a), source.In(b)},
		told:   []string{"it would newly reach kube-node-lease, kube-public, kube-system", `exclude: "true" had no effect`},
	})
}
