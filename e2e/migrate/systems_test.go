package migrate

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestWhatReflectorLeftIsTakenOverInPlaceAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	certs, web, shop, lab := w.Namespace("certs"), w.Namespace("web", "tls=yes"), w.Namespace("shop", "tls=yes"), w.Namespace("lab")
	w.As("reflector").Apply(`
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-certs
  name: wildcard
  labels: {team: certs}
  annotations:
    reflector.v1.k8s.emberstack.com/reflection-allowed: "true"
    reflector.v1.k8s.emberstack.com/reflection-allowed-namespaces: PREFIX-web,PREFIX-shop
    reflector.v1.k8s.emberstack.com/reflection-auto-enabled: "true"
    reflector.v1.k8s.emberstack.com/reflection-auto-namespaces: PREFIX-(web|shop|lab)
type: Opaque
stringData: {password: hunter2}
---
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-web
  name: wildcard
  annotations:
    reflector.v1.k8s.emberstack.com/auto-reflects: "True"
    reflector.v1.k8s.emberstack.com/reflects: PREFIX-certs/wildcard
    reflector.v1.k8s.emberstack.com/reflected-version: "10"
    reflector.v1.k8s.emberstack.com/reflected-at: "2026-11-28T12:00:00.0000000+00:00"
type: Opaque
stringData: {password: hunter2}
---
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-shop
  name: wildcard
  annotations:
    reflector.v1.k8s.emberstack.com/auto-reflects: "True"
    reflector.v1.k8s.emberstack.com/reflects: PREFIX-certs/wildcard
    reflector.v1.k8s.emberstack.com/reflected-version: "10"
    reflector.v1.k8s.emberstack.com/reflected-at: "2026-11-28T12:00:00.0000000+00:00"
type: Opaque
stringData: {password: hunter2}
---
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-lab
  name: mine
  annotations: {reflector.v1.k8s.emberstack.com/reflects: PREFIX-certs/wildcard}
type: Opaque
stringData: {password: hunter2}
`)
	source := kit.Object("Secret", certs, "wildcard")
	w.travel(journey{
		from:   "reflector",
		status: map[kit.Ref]string{source: "2/2 synced"},
		copies: []kit.Ref{source.In(web), source.In(shop)},
		others: []kit.Ref{kit.Object("Secret", lab, "mine")},
		told:   []string{"(web|shop|lab)\" is no glob", "Secret PREFIX-lab/mine: it pulls PREFIX-certs/wildcard", "2 copies become mirrors where they are"},
	})
}

func TestWhatConfigSyncerLeftIsTakenOverInPlaceAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ops, a, b := w.Namespace("ops"), w.Namespace("a", "app="+w.Prefix()), w.Namespace("b", "app="+w.Prefix())
	w.As("config-syncer").Apply(`
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: PREFIX-ops
  name: settings
  labels: {team: ops}
  annotations: {kubed.appscode.com/sync: app=PREFIX, kubed.appscode.com/sync-contexts: east, note: kept}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: PREFIX-a
  name: settings
  labels: {team: ops, kubed.appscode.com/origin.name: settings, kubed.appscode.com/origin.namespace: PREFIX-ops, kubed.appscode.com/origin.cluster: ""}
  annotations:
    kubed.appscode.com/sync: app=PREFIX
    kubed.appscode.com/sync-contexts: east
    note: kept
    kubed.appscode.com/origin: '{"kind":"ConfigMap","namespace":"PREFIX-ops","name":"settings"}'
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: PREFIX-b
  name: settings
  labels: {team: ops, kubed.appscode.com/origin.name: settings, kubed.appscode.com/origin.namespace: PREFIX-ops, kubed.appscode.com/origin.cluster: ""}
  annotations:
    kubed.appscode.com/sync: app=PREFIX
    kubed.appscode.com/sync-contexts: east
    note: kept
    kubed.appscode.com/origin: '{"kind":"ConfigMap","namespace":"PREFIX-ops","name":"settings"}'
data: {a: b}
`)
	source := kit.Object("ConfigMap", ops, "settings")
	w.travel(journey{
		from: "config-syncer", running: true,
		status: map[kit.Ref]string{source: "2/2 synced"},
		copies: []kit.Ref{source.In(a), source.In(b)},
		told:   []string{"it goes to other clusters too (east)"},
	})
}

const clusterSecretDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clustersecrets.clustersecret.io}
spec:
  group: clustersecret.io
  scope: Cluster
  names: {kind: ClusterSecret, plural: clustersecrets, singular: clustersecret}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func TestWhatClusterSecretLeftIsTakenOverInPlaceAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vault, a, b := w.Namespace("vault"), w.Namespace("team-a"), w.Namespace("team-b")
	w.Namespace("team-lab")
	w.Apply(clusterSecretDefinition)
	w.As("clustersecret").Apply(`
apiVersion: clustersecret.io/v1
kind: ClusterSecret
metadata: {name: PREFIX-pull, finalizers: [kopf.zalando.org/KopfFinalizerMarker]}
matchNamespace: [PREFIX-team]
avoidNamespaces: [PREFIX-team-lab]
type: Opaque
data: {password: aHVudGVyMg==}
---
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-team-a
  name: PREFIX-pull
  labels: {clustersecret.io: "true"}
  annotations: {clustersecret.io/created-by: ClusterSecrets, clustersecret.io/version: 0.7.0, clustersecret.io/last-sync: "2026-11-28T12:00:00.000000"}
type: Opaque
data: {password: aHVudGVyMg==}
---
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-team-b
  name: PREFIX-pull
  labels: {clustersecret.io: "true"}
  annotations: {clustersecret.io/created-by: ClusterSecrets, clustersecret.io/version: 0.7.0, clustersecret.io/last-sync: "2026-11-28T12:00:00.000000"}
type: Opaque
data: {password: aHVudGVyMg==}
---
apiVersion: clustersecret.io/v1
kind: ClusterSecret
metadata: {name: PREFIX-db}
matchNamespace: [PREFIX-team-b$]
data: {valueFrom: {secretKeyRef: {namespace: PREFIX-vault, name: database, keys: [url]}}}
---
apiVersion: v1
kind: Secret
metadata: {namespace: PREFIX-vault, name: database}
type: Opaque
data: {url: aHVudGVyMg==, root: aHVudGVyMg==}
---
apiVersion: v1
kind: Secret
metadata:
  namespace: PREFIX-team-b
  name: PREFIX-db
  labels: {clustersecret.io: "true"}
  annotations: {clustersecret.io/created-by: ClusterSecrets}
type: Opaque
data: {url: aHVudGVyMg==}
`)
	pull, db := kit.Object("Secret", vault, w.Name("pull")), kit.Object("Secret", vault, "database")
	w.travel(journey{
		from:   "clustersecret",
		args:   []string{"--namespace-for", vault},
		status: map[kit.Ref]string{pull: "2/2 synced", db: "1/1 synced"},
		copies: []kit.Ref{pull.In(a), pull.In(b), kit.Object("Secret", b, w.Name("db"))},
		told:   []string{"--apply makes it, with the keys password", "the ClusterSecret PREFIX-pull stays"},
	})
	w.say(w.migrate(1, "--from", "clustersecret"), "name the namespace in which a Secret is to be made of it, with --namespace-for")
}
