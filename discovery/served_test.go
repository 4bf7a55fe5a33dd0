package discovery

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

func TestServedTypesAreThoseOfTheVerbsAskedForEachInOneVersion(t *testing.T) {
	stale := apidiscovery.APIVersionDiscovery{Version: "v1beta1", Freshness: apidiscovery.DiscoveryFreshnessStale}
	documents := map[string][]apidiscovery.APIGroupDiscovery{
		"/api":  {group("", v("v1", served("Secret"), served("Pod"), clusterScoped("Namespace"), withVerbs("Binding", "create")))},
		"/apis": {group("example.com", v("v2", withVerbs("Old", "get"), served("New")), v("v1", withVerbs("Old", "list", "delete"), served("New")), stale)},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
		_ = json.NewEncoder(w).Encode(apidiscovery.APIGroupDiscoveryList{Items: documents[r.URL.Path]})
	}))
	defer server.Close()
	types, failed, err := Served(t.Context(), &rest.Config{Host: server.URL}, server.Client(), func(verbs metav1.Verbs) bool {
		return slices.Contains(verbs, "list")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := texts(types), []string{"Secret.v1", "Pod.v1", "New.v2.example.com", "Old.v1.example.com"}; !slices.Equal(got, want) {
		t.Errorf("they are %q, want %q", got, want)
	}
	if reason := failed[schema.GroupVersion{Group: "example.com", Version: "v1beta1"}]; len(failed) != 1 || reason == nil {
		t.Errorf("what failed is %v", failed)
	}
}
