package discovery

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// clusterScopedKinds are those of Kubernetes' own of which a copy can't be.
var clusterScopedKinds = []string{
	"Namespace", "Node", "PersistentVolume", "ComponentStatus",
	"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
	"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "StorageVersion", "StorageVersionMigration",
	"ClusterTrustBundle", "CertificateSigningRequest", "FlowSchema", "PriorityLevelConfiguration", "IPAddress", "ServiceCIDR", "IngressClass",
	"RuntimeClass", "ClusterRole", "ClusterRoleBinding", "DeviceClass", "DeviceTaintRule", "ResourceSlice", "ResourcePoolStatusRequest",
	"PriorityClass", "StorageClass", "VolumeAttachment", "VolumeAttributesClass", "CSIDriver", "CSINode",
}

// Whoever raises the version of k8s.io/api meets the kinds that the new release has, and
// has to say what a copy of them does. The test of what the API server serves
// (e2e/types) is the other half: this one has kinds too that are off by default.
func TestEveryKindOfKubernetesOwnIsOnOneOfTheLists(t *testing.T) {
	known := scheme.Scheme.AllKnownTypes()
	stored := 0
	for gvk := range known {
		kind := gvk.GroupKind()
		_, listed := known[gvk.GroupVersion().WithKind(gvk.Kind+"List")]
		if !listed || gvk.Group == "extensions" || gvk.Kind == "APIGroup" { // not served by a supported release; not stored
			continue
		}
		stored++
		if !builtIn(gvk.Group) {
			t.Errorf("%s is a group of Kubernetes' own, and not on the list of these", gvk.Group)
		}
		_, never := neverMirrored[kind]
		lists := 0
		for _, on := range []bool{never, onlyWhenNamed[kind], mirroredBuiltIn[kind], !never && slices.Contains(clusterScopedKinds, gvk.Kind)} {
			if on {
				lists++
			}
		}
		if lists != 1 {
			t.Errorf("%s is on %d lists: decide whether it is mirrored, only when named, or never, and say why", kind, lists)
		}
	}
	if stored < 50 {
		t.Errorf("only %d kinds were looked at", stored)
	}
}

func TestAKindOfKubernetesOwnThatIsNewIsOffUntilItIsNamed(t *testing.T) {
	r := serverResources{lists: groups(
		group("", v("v1", served("Secret"), served("Wormhole"))),
		group("apps", v("v1", served("Deployment"), served("Wormhole"), clusterScoped("Galaxy"))),
		group("scheduling.k8s.io", v("v2", served("Wormhole"))),
		group("networking.k8s.io", v("v1", served("Ingress"))),
		group("gateway.networking.k8s.io", v("v1", served("Gateway"))),
		group("snapshot.storage.k8s.io", v("v1", served("VolumeSnapshotContent"))),
		group("autoscaling.k8s.io", v("v1", served("VerticalPodAutoscaler"))),
		group("x.example.com", v("v1", served("Wormhole"))),
	)}
	types, _ := filter(r, nil)
	want := []string{"Secret.v1", "Deployment.v1.apps", "VerticalPodAutoscaler.v1.autoscaling.k8s.io", "Gateway.v1.gateway.networking.k8s.io",
		"Ingress.v1.networking.k8s.io", "VolumeSnapshotContent.v1.snapshot.storage.k8s.io", "Wormhole.v1.x.example.com"}
	if got := texts(types); !slices.Equal(got, want) {
		t.Errorf("on are %v, want %v", got, want)
	}
	if got := strings.Join(undecidedKinds(r), " "); got != "Wormhole Wormhole.apps Wormhole.scheduling.k8s.io" {
		t.Errorf("told of are %q", got)
	}
	named := []Name{{Kind: "Wormhole", Version: "v1", Group: "apps"}}
	if types, _ := filter(r, named); !slices.Equal(texts(types), []string{"Wormhole.v1.apps"}) {
		t.Errorf("named, it is not on: %v", types)
	}
}

func TestNoKindIsOnTwoLists(t *testing.T) {
	lists := map[schema.GroupKind]int{}
	for kind, reason := range neverMirrored {
		if lists[kind]++; reason == "" {
			t.Errorf("%s: nobody is told why", kind)
		}
	}
	for kind := range onlyWhenNamed {
		lists[kind]++
	}
	for kind := range mirroredBuiltIn {
		if lists[kind]++; !builtIn(kind.Group) {
			t.Errorf("%s is none of Kubernetes' own", kind)
		}
	}
	for kind, n := range lists {
		if n > 1 {
			t.Errorf("%s is on %d lists", kind, n)
		}
	}
}
