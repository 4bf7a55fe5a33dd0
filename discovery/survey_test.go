package discovery

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestASurveySaysWhyAKindIsNotMirrored(t *testing.T) {
	all := metav1.Verbs{"get", "list", "watch", "create", "update", "patch", "delete"}
	kind := func(kind, name string, namespaced bool, verbs metav1.Verbs) metav1.APIResource {
		return metav1.APIResource{Kind: kind, Name: name, Namespaced: namespaced, Verbs: verbs}
	}
	served := serverResources{lists: []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{kind("Secret", "secrets", true, all), kind("Pod", "pods", true, all), kind("ServiceAccount", "serviceaccounts", true, all)}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{kind("Novelty", "novelties", true, all)}},
		{GroupVersion: "example.com/v1", APIResources: []metav1.APIResource{kind("Cluster", "clusters", false, all), kind("Half", "halves", true, metav1.Verbs{"get"}), kind("Widget", "widgets", true, all)}},
	}}
	for _, row := range []struct{ named, group, kind, want string }{
		{"", "", "Secret", ""},
		{"", "example.com", "Widget", ""},
		{"", "", "Pod", "Pod.v1 is never mirrored: a copy would run"},
		{"", "", "ServiceAccount", "ServiceAccount.v1 is mirrored only when --resource-types names it"},
		{"", "apps", "Novelty", "Novelty.v1.apps is newer than this version"},
		{"", "example.com", "Cluster", "it is cluster-scoped"},
		{"", "example.com", "Half", "the API server does not let anyone list, watch, create, update, delete it"},
		{"", "example.com", "None", "the API server does not serve it"},
		{"ServiceAccount.v1", "", "ServiceAccount", ""},
		{"ServiceAccount.v1", "", "Secret", "Secret.v1 is not in --resource-types"},
	} {
		named, err := ParseTypes(row.named)
		if err != nil {
			t.Fatal(err)
		}
		types, _ := filter(served, named)
		s := &Survey{Types: types, served: served, named: named}
		found, why := s.TypeOf(schema.GroupKind{Group: row.group, Kind: row.kind})
		if (why == "") != (row.want == "") || !strings.HasPrefix(why, row.want) {
			t.Errorf("%s with %q: %q, want %q", row.kind, row.named, why, row.want)
		}
		if why == "" && found.Kind != row.kind {
			t.Errorf("%s is found as %s", row.kind, found)
		}
	}
}
