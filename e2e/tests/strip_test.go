package tests

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// stripped are labels and annotations by which a tool would take a copy for its own.
// Where a whole prefix is meant, there is one of its keys, or several.
var stripped = []string{
	"kubectl.kubernetes.io/last-applied-configuration",
	"applyset.kubernetes.io/part-of", "applyset.kubernetes.io/id", "applyset.kubernetes.io/contains-group-kinds",
	"argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id", "argocd.argoproj.io/sync-wave",
	"argocd.argoproj.io/sync-options", "argocd.argoproj.io/hook", "argocd.argoproj.io/hook-delete-policy", "argocd.argoproj.io/compare-options",
	"argocd.argoproj.io/managed-by", "argocd.argoproj.io/managed-by-url",
	"kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace",
	"meta.helm.sh/release-name", "helm.sh/chart", "helm.sh/resource-policy", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance",
	"reconcile.external-secrets.io/managed", "deployment.kubernetes.io/revision", "objectset.rio.cattle.io/hash", "kapp.k14s.io/app", "kapp.k14s.io/identity",
	"strimzi.io/cluster", "strimzi.io/kind", "generate.kyverno.io/policy-name", "generate.kyverno.io/clone-source",
	"config.k8s.io/owning-inventory", "cli-utils.sigs.k8s.io/inventory-id", "internal.config.kubernetes.io/index",
	"hnc.x-k8s.io/inherited-from", "propagate.hnc.x-k8s.io/select",
	"olm.managed", "olm.owner", "olm.owner.namespace", "operators.coreos.com/prometheus.monitoring",
	"replicator.v1.mittwald.de/replicate-to", "reflector.v1.k8s.emberstack.com/reflection-allowed", "kubed.appscode.com/sync",
	"kro.run/instance-name", "velero.io/restore-name", "kopf.zalando.org/last-handled-configuration", "secrets.hashicorp.com/vso-ownerRefUID",
	"sealedsecrets.bitnami.com/managed", "clustersecret.io/synced", "capsule.clastix.io/tenant", "projectcapsule.dev/tenant", "fleet.cattle.io/bundle-id",
}

// carriedOn are neighbours of these that mean something else, to people or to those who
// read what is in the copy.
var carriedOn = []string{
	"argocd.argoproj.io/secret-type", "argocd.argoproj.io/skip-reconcile", "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/version",
	"kubectl.kubernetes.io/restartedAt", "config.k8s.io/function", "deployment.kubernetes.io/note", "helm.example.com/chart", "myapplyset.kubernetes.io/part-of",
	"sealedsecrets.bitnami.com/note", "team", "cert-manager.io/certificate-name", "hnc.example.com/x",
}

// TestNoKeyByWhichOthersWouldActOnACopyTravels has them all on one object, as labels
// and as annotations.
func TestNoKeyByWhichOthersWouldActOnACopyTravels(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "all")
	a := env.Namespace("a")
	env.Start("--resource-types=Secret.v1")
	env.Apply(source(src, "target-namespaces=PREFIX-a"))
	var labels, annotations []string
	for _, key := range slices.Concat(stripped, carriedOn) {
		labels = append(labels, key+"=x")
		annotations = append(annotations, key+"=x")
	}
	env.Label(src, labels...)
	env.Annotate(src, annotations...)
	mirror := env.WaitFor(src.In(a), "has what is to come along", func(o *unstructured.Unstructured) error {
		if o.GetAnnotations()["team"] == "" || o.GetLabels()["team"] == "" {
			return fmt.Errorf("it lacks the last one")
		}
		return nil
	})
	for where, keys := range map[string]map[string]string{"labels": mirror.GetLabels(), "annotations": mirror.GetAnnotations()} {
		for _, key := range stripped {
			if _, there := keys[key]; there {
				t.Errorf("%s is among the %s of the mirror", key, where)
			}
		}
		for _, key := range carriedOn {
			if keys[key] != "x" {
				t.Errorf("%s is not among the %s of the mirror", key, where)
			}
		}
	}
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
}

// bundles is a kind for sets of objects in several namespaces, and one of the kind.
const bundles = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: bundles.PREFIX.example.com
  labels: {applyset.kubernetes.io/is-parent-type: "true"}
spec:
  group: PREFIX.example.com
  names: {kind: Bundle, plural: bundles}
  scope: Cluster
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: PREFIX.example.com/v1
kind: Bundle
metadata:
  name: set
  labels: {applyset.kubernetes.io/id: ID}
  annotations: {applyset.kubernetes.io/tooling: kubectl/v1, applyset.kubernetes.io/contains-group-kinds: ""}
`

// setID is what kubectl wants a set to be called that has this parent.
func setID(name, namespace, kind, group string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{name, namespace, kind, group}, ".")))
	return "applyset-" + base64.RawURLEncoding.EncodeToString(sum[:]) + "-v1"
}

// TestKubectlsOwnPruneLeavesMirrorsAlone applies a set of objects in two namespaces,
// one of them a source, whose mirror is in the other one.
func TestKubectlsOwnPruneLeavesMirrorsAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(time.Minute)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a := env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1")
	other := "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-a, name: other}}"
	goes := "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-a, name: goes}}"
	group := env.Prefix() + ".example.com"
	env.Apply(strings.ReplaceAll(bundles, "ID", setID("set", "", "Bundle", group)))
	set := kit.Object("Bundle.v1."+group, "", "set")
	apply := func(manifests ...string) {
		env.Kubectl("---\n"+strings.Join(manifests, "\n---\n"), "apply", "--prune", "--applyset=bundles."+group+"/set", "-f-")
	}
	apply(source(src, "target-namespaces=PREFIX-a"), other, goes)
	if id := env.Get(src).GetLabels()["applyset.kubernetes.io/part-of"]; id == "" || id != env.Get(set).GetLabels()["applyset.kubernetes.io/id"] {
		t.Fatalf("the source is in no set: %v", env.Get(src))
	}
	before := env.WaitFor(src.In(a), "is there", kit.Exists)
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))

	apply(kit.Source(src, "changed", "target-namespaces=PREFIX-a"), other)
	env.WaitGone(kit.Object(configMap, a, "goes")) // it does prune there
	mirror := env.WaitFor(src.In(a), "has the change", hasData("changed"))
	apply(kit.Source(src, "changed", "target-namespaces=PREFIX-a"), other)
	if after := env.Get(src.In(a)); after.GetUID() != before.GetUID() || after.GetResourceVersion() != mirror.GetResourceVersion() {
		t.Error("the mirror was deleted and made anew, or written")
	}
	if got := env.Events(src); len(got) > 0 {
		t.Errorf("the source has events: %v", got)
	}
}
