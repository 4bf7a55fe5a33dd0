package discovery

import (
	"errors"
	"slices"
	"strings"
	"testing"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

func TestFilterTakesWhatTheContractLetsThrough(t *testing.T) {
	for _, row := range []struct {
		name   string
		groups []*metav1.APIResourceList
		want   []string
	}{
		{"namespaced types with all six verbs are on",
			groups(group("", v("v1", served("Secret"), served("ConfigMap"), served("Service")))),
			[]string{"ConfigMap.v1", "Secret.v1", "Service.v1"}},
		{"cluster-scoped types are not",
			groups(group("", v("v1", clusterScoped("Namespace"), served("Secret")))),
			[]string{"Secret.v1"}},
		{"a type that lacks a verb is not",
			groups(group("example.com", v("v1", served("Whole"), withVerbs("Log", "get", "list", "watch", "create", "delete")))),
			[]string{"Whole.v1.example.com"}},
		{"one whose definition is being deleted is on: its objects have finalizers of ours",
			groups(group("example.com", v("v1", withVerbs("Foo", "delete", "deletecollection", "get", "list", "watch")))),
			[]string{"Foo.v1.example.com"}},
		{"Certificate and Issuer are on",
			groups(group("cert-manager.io", v("v1", served("Certificate"), served("Issuer")))),
			[]string{"Certificate.v1.cert-manager.io", "Issuer.v1.cert-manager.io"}},
		{"a custom kind may share the name of one that is never mirrored",
			groups(group("", v("v1", served("Pod"))), group("example.com", v("v1", served("Pod"), served("Event"), served("Lease")))),
			[]string{"Event.v1.example.com", "Lease.v1.example.com", "Pod.v1.example.com"}},
		{"a custom kind may share the name of one that must be named",
			groups(group("batch", v("v1", served("Job"), served("CronJob"))), group("example.com", v("v1", served("Job"), served("Role")))),
			[]string{"CronJob.v1.batch", "Job.v1.example.com", "Role.v1.example.com"}},
		{"a kind is taken in the server's preferred version",
			groups(group("autoscaling", v("v2", served("HorizontalPodAutoscaler")), v("v1", served("HorizontalPodAutoscaler")))),
			[]string{"HorizontalPodAutoscaler.v2.autoscaling"}},
		{"or in the first of the server's order that serves it",
			groups(group("example.com", v("v3", served("New")), v("v2", served("Old")), v("v1", served("Old"), served("New")))),
			[]string{"New.v3.example.com", "Old.v2.example.com"}},
		{"a preferred version that lacks verbs is not evaded",
			groups(group("example.com", v("v2", withVerbs("Log", "get", "list")), v("v1", served("Log")))),
			nil},
		{"one kind in two groups is two types",
			groups(group("traefik.io", v("v1alpha1", served("Middleware"))), group("traefik.containo.us", v("v1alpha1", served("Middleware")))),
			[]string{"Middleware.v1alpha1.traefik.containo.us", "Middleware.v1alpha1.traefik.io"}},
		{"a resource of which only subresources are served is none",
			groups(group("example.com", v("v1", apidiscovery.APIResourceDiscovery{Resource: "tokens", Scope: apidiscovery.ScopeNamespace}))),
			nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			types, absent := filter(serverResources{lists: row.groups}, nil)
			if got := texts(types); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if len(absent) > 0 {
				t.Errorf("%v is missing, and nothing was named", absent)
			}
		})
	}
}

func TestFilterHoldsTheTwoListsOfTheContract(t *testing.T) {
	never := []string{
		"Pod.v1", "Event.v1", "Event.v1.events.k8s.io", "Node.v1", "Endpoints.v1", "EndpointSlice.v1.discovery.k8s.io",
		"Lease.v1.coordination.k8s.io", "PersistentVolume.v1", "PersistentVolumeClaim.v1", "ReplicaSet.v1.apps",
		"ReplicationController.v1", "ControllerRevision.v1.apps", "Binding.v1", "CSIStorageCapacity.v1.storage.k8s.io",
		"PodMetrics.v1beta1.metrics.k8s.io", "PodCertificateRequest.v1.certificates.k8s.io", "LeaseCandidate.v1beta1.coordination.k8s.io",
		"EvictionRequest.v1alpha1.lifecycle.k8s.io", "PodGroup.v1beta1.scheduling.k8s.io", "LocalSubjectAccessReview.v1.authorization.k8s.io",
	}
	named := []string{
		"Role.v1.rbac.authorization.k8s.io", "RoleBinding.v1.rbac.authorization.k8s.io", "ServiceAccount.v1", "Job.v1.batch",
		"VolumeSnapshot.v1.snapshot.storage.k8s.io", "CertificateRequest.v1.cert-manager.io", "Order.v1.acme.cert-manager.io",
		"Challenge.v1.acme.cert-manager.io", "ResourceClaim.v1.resource.k8s.io", "PolicyReport.v1alpha2.wgpolicyk8s.io",
		"Workload.v1beta1.scheduling.k8s.io", "Report.v1alpha1.openreports.io", "EphemeralReport.v1.reports.kyverno.io",
	}
	for _, item := range never {
		if _, err := ParseTypes(item); err == nil {
			t.Errorf("%s can be named", item)
		}
	}
	for _, item := range append(never, named...) {
		name, err := parseName(item)
		if err != nil {
			t.Fatal(err)
		}
		types, _ := filter(serverResources{lists: groups(group(name.Group, v(name.Version, served(name.Kind))))}, nil)
		if len(types) > 0 {
			t.Errorf("%s is on without being named", item)
		}
	}
	for _, item := range named {
		names, err := ParseTypes(item)
		if err != nil {
			t.Errorf("%s can't be named: %v", item, err)
			continue
		}
		types, _ := filter(serverResources{lists: groups(group(names[0].Group, v(names[0].Version, served(names[0].Kind))))}, names)
		if got := texts(types); !slices.Equal(got, []string{item}) {
			t.Errorf("%s is named and served, and not on: %v", item, got)
		}
	}
}

func TestFilterTakesNamedTypesAsTheyAreNamed(t *testing.T) {
	for _, row := range []struct {
		name   string
		named  string
		served serverResources
		want   []string
		absent []string
	}{
		{"nothing but the named types", "Secret.v1",
			serverResources{lists: groups(group("", v("v1", served("Secret"), served("ConfigMap"))))},
			[]string{"Secret.v1"}, nil},
		{"one whose definition is being deleted", "Foo.v1.example.com",
			serverResources{lists: groups(group("example.com", v("v1", withVerbs("Foo", "delete", "deletecollection", "get", "list", "watch"))))},
			[]string{"Foo.v1.example.com"}, nil},
		{"the version that is named, and not the preferred one", "HorizontalPodAutoscaler.v1.autoscaling",
			serverResources{lists: groups(group("autoscaling", v("v2", served("HorizontalPodAutoscaler")), v("v1", served("HorizontalPodAutoscaler"))))},
			[]string{"HorizontalPodAutoscaler.v1.autoscaling"}, nil},
		{"a type that is not served is missing", "Secret.v1,Middleware.v1alpha1.traefik.io",
			serverResources{lists: groups(group("", v("v1", served("Secret"))))},
			[]string{"Secret.v1"}, []string{"Middleware.v1alpha1.traefik.io: the API server does not serve it: install it or correct the name, it is picked up when it appears"}},
		{"a cluster-scoped type is missing", "Namespace.v1",
			serverResources{lists: groups(group("", v("v1", clusterScoped("Namespace"))))},
			nil, []string{"Namespace.v1: it is cluster-scoped: take it out of the list"}},
		{"a type that lacks verbs is missing", "Log.v1.example.com",
			serverResources{lists: groups(group("example.com", v("v1", withVerbs("Log", "get", "list", "watch", "delete"))))},
			nil, []string{"Log.v1.example.com: the API server does not let anyone create, update it: take it out of the list"}},
		{"of a group version that failed nothing is known", "Log.v1.example.com",
			serverResources{failed: map[schema.GroupVersion]error{{Group: "example.com", Version: "v1"}: errors.New("down")}},
			nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			named, err := ParseTypes(row.named)
			if err != nil {
				t.Fatal(err)
			}
			types, absent := filter(row.served, named)
			if got := texts(types); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			var gone []string
			for _, m := range absent {
				gone = append(gone, m.name.String()+": "+m.reason)
			}
			if !slices.Equal(gone, row.absent) {
				t.Errorf("missing are %q, want %q", gone, row.absent)
			}
		})
	}
}

// The words of which tests make what a server serves.

// groups has the resources of API groups as client-go reads them from aggregated discovery.
func groups(g ...apidiscovery.APIGroupDiscovery) []*metav1.APIResourceList {
	list, resources, _ := discovery.SplitGroupsAndResources(apidiscovery.APIGroupDiscoveryList{Items: g})
	var lists []*metav1.APIResourceList
	for _, gv := range groupVersionsOf(list) {
		lists = append(lists, resources[gv])
	}
	return lists
}

// group is an API group with its versions in the server's order of preference.
func group(name string, versions ...apidiscovery.APIVersionDiscovery) apidiscovery.APIGroupDiscovery {
	g := apidiscovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, version := range versions {
		for i := range version.Resources {
			if kind := version.Resources[i].ResponseKind; kind != nil {
				kind.Group, kind.Version = name, version.Version
			}
		}
		g.Versions = append(g.Versions, version)
	}
	return g
}

func v(version string, resources ...apidiscovery.APIResourceDiscovery) apidiscovery.APIVersionDiscovery {
	return apidiscovery.APIVersionDiscovery{Version: version, Freshness: apidiscovery.DiscoveryFreshnessCurrent, Resources: resources}
}

// served is a namespaced resource with the verbs that most types have.
func served(kind string) apidiscovery.APIResourceDiscovery {
	return withVerbs(kind, "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
}

func withVerbs(kind string, verbs ...string) apidiscovery.APIResourceDiscovery {
	return apidiscovery.APIResourceDiscovery{
		Resource: plural(kind), Scope: apidiscovery.ScopeNamespace, Verbs: verbs,
		ResponseKind: &metav1.GroupVersionKind{Kind: kind},
	}
}

func renamed(r apidiscovery.APIResourceDiscovery, resource string) apidiscovery.APIResourceDiscovery {
	r.Resource = resource
	return r
}

func clusterScoped(kind string) apidiscovery.APIResourceDiscovery {
	r := served(kind)
	r.Scope = apidiscovery.ScopeCluster
	return r
}

func plural(kind string) string { return strings.ToLower(kind) + "s" }

func texts(types []Type) []string {
	var out []string
	for _, t := range types {
		out = append(out, t.String())
	}
	return out
}
