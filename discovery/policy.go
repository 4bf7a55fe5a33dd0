package discovery

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The lists name kinds within their group: a CustomResourceDefinition that shares a
// kind's name with a built-in one is another kind, and not on them. Every kind of
// Kubernetes' own is on one of the three; what a copy of it does has been looked at.
// Of other groups, only what is to be left out is listed.

// neverMirrored are the kinds that are refused even when they are named, each
// with the reason that its user is told.
var neverMirrored = map[schema.GroupKind]string{
	{Kind: "Pod"}:                   "a copy would run as a second workload that no controller owns",
	{Kind: "ReplicationController"}: "a copy would run as a second workload",
	{Kind: "Event"}:                 "an event records what happened to one object, and expires",
	{Kind: "Node"}:                  "it is cluster-scoped",
	{Kind: "PersistentVolume"}:      "it is cluster-scoped",
	{Kind: "PersistentVolumeClaim"}: "a copy would claim a second volume",
	{Kind: "Endpoints"}:             "the control plane writes it for each Service",
	{Kind: "Binding"}:               "it is a request to the scheduler, not a stored object",
	{Group: "authorization.k8s.io", Kind: "LocalSubjectAccessReview"}: "it is a question, not a stored object",
	{Group: "certificates.k8s.io", Kind: "PodCertificateRequest"}:     "a copy would ask for a certificate in the name of a Pod",
	{Group: "coordination.k8s.io", Kind: "LeaseCandidate"}:            "a copy would stand for election in the name of another process",
	{Group: "lifecycle.k8s.io", Kind: "Eviction"}:                     "a copy would evict a Pod",
	{Group: "lifecycle.k8s.io", Kind: "EvictionRequest"}:              "a copy would evict a Pod",
	{Group: "scheduling.k8s.io", Kind: "PodGroup"}:                    "the controller of a workload makes it",
	{Group: "scheduling.k8s.io", Kind: "CompositePodGroup"}:           "the controller of a workload makes it",
	{Group: "events.k8s.io", Kind: "Event"}:                           "an event records what happened to one object, and expires",
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:                "the control plane writes it for each Service",
	{Group: "coordination.k8s.io", Kind: "Lease"}:                     "a lease belongs to the process that holds it",
	{Group: "apps", Kind: "ReplicaSet"}:                               "its Deployment makes it",
	{Group: "apps", Kind: "ControllerRevision"}:                       "its StatefulSet or DaemonSet makes it",
	{Group: "storage.k8s.io", Kind: "CSIStorageCapacity"}:             "storage drivers write it",
	{Group: "metrics.k8s.io", Kind: "PodMetrics"}:                     "it is a measurement, not a stored object",
}

// onlyWhenNamed are the kinds that are left out unless --resource-types names
// them: a copy of one grants rights, starts work or orders something, or a
// controller writes it as the record of one place.
var onlyWhenNamed = map[schema.GroupKind]bool{
	{Kind: "ServiceAccount"}:                                   true,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:         true,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:  true,
	{Group: "batch", Kind: "Job"}:                              true,
	{Group: "scheduling.k8s.io", Kind: "Workload"}:             true,
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

// mirroredBuiltIn are the kinds of Kubernetes' own groups that are on without being
// named. A kind that a later release brings is on none of the lists, and off until it is
// named: nobody has looked yet at what a copy of it would do.
var mirroredBuiltIn = map[schema.GroupKind]bool{
	{Kind: "ConfigMap"}:                                       true,
	{Kind: "Secret"}:                                          true,
	{Kind: "Service"}:                                         true,
	{Kind: "LimitRange"}:                                      true,
	{Kind: "ResourceQuota"}:                                   true,
	{Kind: "PodTemplate"}:                                     true,
	{Group: "apps", Kind: "Deployment"}:                       true,
	{Group: "apps", Kind: "StatefulSet"}:                      true,
	{Group: "apps", Kind: "DaemonSet"}:                        true,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:   true,
	{Group: "batch", Kind: "CronJob"}:                         true,
	{Group: "networking.k8s.io", Kind: "Ingress"}:             true,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:       true,
	{Group: "policy", Kind: "PodDisruptionBudget"}:            true,
	{Group: "resource.k8s.io", Kind: "ResourceClaimTemplate"}: true,
}

// undecided reports whether a kind is one of Kubernetes' own that no list has.
func undecided(kind schema.GroupKind) bool {
	_, never := neverMirrored[kind]
	return builtIn(kind.Group) && !never && !onlyWhenNamed[kind] && !mirroredBuiltIn[kind]
}

// neededVerbs are what mirroring a type takes on the server.
var neededVerbs = []string{"get", "list", "watch", "create", "update", "delete"}

// builtInGroups are the API groups that the API server has by itself, beside those
// without a dot in their names. No CustomResourceDefinition and no APIService brings or
// takes their kinds. Groups that only end like them, as gateway.networking.k8s.io or
// autoscaling.k8s.io, come with definitions and are as any other.
var builtInGroups = map[string]bool{
	"admissionregistration.k8s.io": true, "apiextensions.k8s.io": true, "apiregistration.k8s.io": true,
	"authentication.k8s.io": true, "authorization.k8s.io": true, "certificates.k8s.io": true, "coordination.k8s.io": true,
	"discovery.k8s.io": true, "events.k8s.io": true, "flowcontrol.apiserver.k8s.io": true, "imagepolicy.k8s.io": true,
	"internal.apiserver.k8s.io": true, "lifecycle.k8s.io": true, "networking.k8s.io": true, "node.k8s.io": true,
	"rbac.authorization.k8s.io": true, "resource.k8s.io": true, "scheduling.k8s.io": true, "storage.k8s.io": true,
	"storagemigration.k8s.io": true,
}

// builtIn reports whether the kinds of a group are there as long as the server is.
func builtIn(group string) bool {
	return !strings.Contains(group, ".") || builtInGroups[group]
}

// Reservation is what keeps objects of a kind from being mirrored: why they never are, or
// that they are only where --resource-types names the kind.
func Reservation(kind schema.GroupKind) (never string, onlyNamed bool) {
	return neverMirrored[kind], onlyWhenNamed[kind] || undecided(kind)
}
