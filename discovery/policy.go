package discovery

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The two lists of the contract, "Types that are never mirrored". They name
// kinds within their group: a CustomResourceDefinition that shares a kind's name
// with a built-in one is another kind, and not on them.

// neverMirrored are the kinds that are refused even when they are named, each
// with the reason that its user is told.
var neverMirrored = map[schema.GroupKind]string{
	{Kind: "Pod"}:                                         "a copy would run as a second workload that no controller owns",
	{Kind: "ReplicationController"}:                       "a copy would run as a second workload",
	{Kind: "Event"}:                                       "an event records what happened to one object, and expires",
	{Kind: "Node"}:                                        "it is cluster-scoped",
	{Kind: "PersistentVolume"}:                            "it is cluster-scoped",
	{Kind: "PersistentVolumeClaim"}:                       "a copy would claim a second volume",
	{Kind: "Endpoints"}:                                   "the control plane writes it for each Service",
	{Kind: "Binding"}:                                     "it is a request to the scheduler, not a stored object",
	{Group: "events.k8s.io", Kind: "Event"}:               "an event records what happened to one object, and expires",
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:    "the control plane writes it for each Service",
	{Group: "coordination.k8s.io", Kind: "Lease"}:         "a lease belongs to the process that holds it",
	{Group: "apps", Kind: "ReplicaSet"}:                   "its Deployment makes it",
	{Group: "apps", Kind: "ControllerRevision"}:           "its StatefulSet or DaemonSet makes it",
	{Group: "storage.k8s.io", Kind: "CSIStorageCapacity"}: "storage drivers write it",
	{Group: "metrics.k8s.io", Kind: "PodMetrics"}:         "it is a measurement, not a stored object",
}

// onlyWhenNamed are the kinds that are left out unless --resource-types names
// them: a copy of one grants rights, starts work or orders something, or a
// controller writes it as the record of one place.
var onlyWhenNamed = map[schema.GroupKind]bool{
	{Kind: "ServiceAccount"}:                                   true,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:         true,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:  true,
	{Group: "batch", Kind: "Job"}:                              true,
	{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshot"}: true,
	{Group: "cert-manager.io", Kind: "CertificateRequest"}:     true,
	{Group: "acme.cert-manager.io", Kind: "Order"}:             true,
	{Group: "acme.cert-manager.io", Kind: "Challenge"}:         true,
	{Group: "resource.k8s.io", Kind: "ResourceClaim"}:          true,
	{Group: "wgpolicyk8s.io", Kind: "PolicyReport"}:            true,
	{Group: "openreports.io", Kind: "Report"}:                  true,
	{Group: "reports.kyverno.io", Kind: "EphemeralReport"}:     true,
	{Group: "kyverno.io", Kind: "AdmissionReport"}:             true,
	{Group: "kyverno.io", Kind: "BackgroundScanReport"}:        true,
}

// neededVerbs are what mirroring a type takes on the server.
var neededVerbs = []string{"get", "list", "watch", "create", "update", "delete"}

// builtInGroups are the API groups with namespaced kinds that the API server has by
// itself, beside those without a dot in their names. No CustomResourceDefinition and
// no APIService brings or takes their kinds.
var builtInGroups = map[string]bool{
	"certificates.k8s.io": true, "coordination.k8s.io": true, "discovery.k8s.io": true, "events.k8s.io": true,
	"networking.k8s.io": true, "rbac.authorization.k8s.io": true, "resource.k8s.io": true, "storage.k8s.io": true,
}

// builtIn reports whether the kinds of a group are there as long as the server is.
func builtIn(group string) bool {
	return !strings.Contains(group, ".") || builtInGroups[group]
}
