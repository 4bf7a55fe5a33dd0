package mirror

import (
	"strings"

	"github.com/lukaszraczylo/kubemirror/pattern"
)

// defaultStrip has the labels and annotations that mirrors don't get: those by which
// a tool would take the copy for its own, and change it, fight over it or delete it,
// and those that hold an object as it was applied, with the values that a
// transformation takes out of it (contract, "On a mirror").
var defaultStrip = strings.Join([]string{
	// The object as it was applied.
	"kubectl.kubernetes.io/last-applied-configuration", "objectset.rio.cattle.io/*", "kopf.zalando.org/*",
	// Inventories: what is in one and not in its owner's list is pruned.
	"applyset.kubernetes.io/*", "config.k8s.io/owning-inventory", "cli-utils.sigs.k8s.io/*", "internal.config.kubernetes.io/*",
	"app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "meta.helm.sh/*", "helm.sh/*",
	"argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id", "argocd.argoproj.io/managed-by*",
	"argocd.argoproj.io/sync-*", "argocd.argoproj.io/hook*", "argocd.argoproj.io/compare-options",
	"*.toolkit.fluxcd.io/*", "kapp.k14s.io/*", "fleet.cattle.io/*", "olm.managed", "olm.owner*", "operators.coreos.com/*", "velero.io/*",
	// Operators that find by these what they made, and clear up what shouldn't be there.
	"kro.run/*", "strimzi.io/*", "reconcile.external-secrets.io/*", "secrets.hashicorp.com/*", "sealedsecrets.bitnami.com/managed",
	"deployment.kubernetes.io/revision",
	// What the server itself writes, whatever we send.
	"deprecated.daemonset.template.generation",
	// Others who copy objects, and would copy the copy, or tidy it away.
	"generate.kyverno.io/*", "hnc.x-k8s.io/*", "*.hnc.x-k8s.io/*", "capsule.clastix.io/*", "projectcapsule.dev/*",
	"replicator.v1.mittwald.de/*", "reflector.v1.k8s.emberstack.com/*", "kubed.appscode.com/*", "clustersecret.io/*",
}, ",")

// ParseStrip reads the globs of --strip-metadata, which add to the ones that are
// always stripped.
func ParseStrip(list string) (pattern.List, error) {
	return pattern.Parse(defaultStrip+","+list, pattern.InMetadataKey)
}
