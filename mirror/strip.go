package mirror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// Strip is which of a source's labels and annotations its mirrors don't get.
type Strip struct {
	// byDefault are stripped but where the source lets them through; always are, whatever
	// it says.
	byDefault, always, kept pattern.List
}

// alwaysStripped has the keys that no source lets through: those that hold the object as
// it was applied, for with them would go out what the rules take out of it, and those that
// the server's side writes on the mirror too, whatever we send.
var alwaysStripped = strings.Join([]string{
	"kubectl.kubernetes.io/last-applied-configuration", "objectset.rio.cattle.io/*", "kopf.zalando.org/*", "kapp.k14s.io/original*",
	"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation",
}, ",")

// defaultStrip has the labels and annotations that mirrors don't get but where their
// source says so: those by which a tool would take the copy for its own, and change it,
// fight over it or delete it (contract, "On a mirror").
var defaultStrip = strings.Join([]string{
	// Inventories: what is in one and not in its owner's list is pruned.
	"applyset.kubernetes.io/*", "config.k8s.io/owning-inventory", "cli-utils.sigs.k8s.io/*", "internal.config.kubernetes.io/*",
	"app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "meta.helm.sh/*", "helm.sh/*",
	"argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id", "argocd.argoproj.io/managed-by*",
	"argocd.argoproj.io/sync-*", "argocd.argoproj.io/hook*", "argocd.argoproj.io/compare-options",
	"*.toolkit.fluxcd.io/*", "kapp.k14s.io/*", "fleet.cattle.io/*", "olm.managed", "olm.owner*", "operators.coreos.com/*", "velero.io/*",
	// Operators that find by these what they made, and clear up what shouldn't be there.
	"kro.run/*", "strimzi.io/*", "reconcile.external-secrets.io/*", "secrets.hashicorp.com/*", "sealedsecrets.bitnami.com/managed",
	// Others who copy objects, and would copy the copy, or tidy it away.
	"generate.kyverno.io/*", "hnc.x-k8s.io/*", "*.hnc.x-k8s.io/*", "capsule.clastix.io/*", "projectcapsule.dev/*",
	"replicator.v1.mittwald.de/*", "reflector.v1.k8s.emberstack.com/*", "kubed.appscode.com/*", "clustersecret.io/*",
}, ",")

// ParseStrip reads the globs of --strip-metadata, which add to the ones that are
// always stripped: what an operator takes out, no source lets through.
func ParseStrip(list string) (Strip, error) {
	always, err := pattern.Parse(alwaysStripped+","+list, pattern.InMetadataKey)
	if err != nil {
		return Strip{}, err
	}
	byDefault, err := pattern.Parse(defaultStrip, pattern.InMetadataKey)
	return Strip{byDefault: byDefault, always: always}, err
}

// Empty reports whether nothing is stripped.
func (s Strip) Empty() bool { return s.byDefault.Empty() && s.always.Empty() }

func (s Strip) matches(key string) bool {
	return s.always.Match(key) || s.byDefault.Match(key) && !s.kept.Match(key)
}

// The bounds of what a source lets through: of the list in bytes, and of the list times the
// keys that it is to be matched with, which is what that costs.
const (
	maxKeepMetadata = 1 << 10
	maxKeepCost     = 1 << 24
)

// less is the same for a source that lets through what a list of names and globs has. A
// list that can't be read, or asks for what never goes out, is an error of the whole.
func (s Strip) less(list string, labels, annotations map[string]string) (Strip, error) {
	if list == "" {
		return s, nil
	}
	if len(list) > maxKeepMetadata {
		return Strip{}, fmt.Errorf("it has %d bytes; the most is %d", len(list), maxKeepMetadata)
	}
	for _, item := range pattern.Split(list) {
		if strings.HasPrefix(item, api.Domain+"/") {
			return Strip{}, fmt.Errorf("%q: keys that start with %s/ are never let through", item, api.Domain)
		}
		if s.always.Match(item) {
			return Strip{}, fmt.Errorf("%q is never let through: it may hold what rules take out, is written by the server's side, or is in the controller's --strip-metadata", item)
		}
	}
	kept, err := pattern.Parse(list, pattern.InMetadataKey)
	if err != nil {
		return Strip{}, err
	}
	if cost := len(list) * (s.strippedBytes(labels) + s.strippedBytes(annotations)); cost > maxKeepCost {
		return Strip{}, errors.New("the object has too many keys that are stripped by default for so long a list; make it shorter")
	}
	s.kept = kept
	return s, nil
}

// strippedBytes is how long the keys are that are stripped by default.
func (s Strip) strippedBytes(keys map[string]string) (size int) {
	for key := range keys {
		if s.byDefault.Match(key) {
			size += len(key)
		}
	}
	return size
}
