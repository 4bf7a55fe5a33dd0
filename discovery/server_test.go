package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// api is an API server that serves documents at paths and notes what is asked.
type api struct {
	aggregated map[string][]apidiscovery.APIGroupDiscovery
	version    string // of the aggregated documents
	plain      map[string]any
	status     map[string]int

	mu    sync.Mutex
	asked []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.Path)
	a.mu.Unlock()
	encode := func(document any) { _ = json.NewEncoder(w).Encode(document) }
	as := fmt.Sprintf("g=apidiscovery.k8s.io;v=%s;as=APIGroupDiscoveryList", a.version)
	list, aggregated := a.aggregated[r.URL.Path]
	document, plain := a.plain[r.URL.Path]
	switch {
	case a.status[r.URL.Path] != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status[r.URL.Path])
		encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Message: "told why", Code: int32(a.status[r.URL.Path]),
		})
	case aggregated && strings.Contains(r.Header.Get("Accept"), as):
		w.Header().Set("Content-Type", "application/json;"+as)
		encode(apidiscovery.APIGroupDiscoveryList{Items: list})
	case plain:
		w.Header().Set("Content-Type", "application/json")
		encode(document)
	default:
		http.NotFound(w, r)
	}
}

func (a *api) serve(t *testing.T) server {
	t.Helper()
	listener := httptest.NewServer(a)
	t.Cleanup(listener.Close)
	s, err := newServer(&rest.Config{Host: listener.URL}, listener.Client())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEverythingIsReadFromAggregatedDiscovery(t *testing.T) {
	stale := v("v1beta1")
	stale.Freshness = apidiscovery.DiscoveryFreshnessStale
	a := &api{version: "v2", aggregated: map[string][]apidiscovery.APIGroupDiscovery{
		"/api":  {group("", v("v1", served("Secret"), clusterScoped("Namespace")))},
		"/apis": {group("example.com", v("v2", served("Foo")), v("v1", served("Foo"))), group("metrics.example.com", stale)},
	}}
	got, err := a.serve(t).everything(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	types, _ := filter(got, nil)
	if want := []string{"Secret.v1", "Foo.v2.example.com"}; !slices.Equal(texts(types), want) {
		t.Errorf("got %v, want %v", types, want)
	}
	gv := schema.GroupVersion{Group: "metrics.example.com", Version: "v1beta1"}
	if len(got.failed) != 1 || got.failed[gv] == nil {
		t.Errorf("%v failed, want the stale %v", got.failed, gv)
	}
	if want := []string{"/api", "/apis"}; !slices.Equal(a.asked, want) {
		t.Errorf("it took the requests %v, want %v", a.asked, want)
	}
}

// plainList is a group version's document without aggregated discovery.
func plainList(gv string, resources ...metav1.APIResource) metav1.APIResourceList {
	return metav1.APIResourceList{GroupVersion: gv, APIResources: resources}
}

func plainResource(kind string) metav1.APIResource {
	return metav1.APIResource{Name: plural(kind), Kind: kind, Namespaced: true, Verbs: neededVerbs}
}

func plainAPI() *api {
	version := func(gv string) metav1.GroupVersionForDiscovery {
		parsed, _ := schema.ParseGroupVersion(gv)
		return metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: parsed.Version}
	}
	return &api{status: map[string]int{}, plain: map[string]any{
		"/api": metav1.APIVersions{Versions: []string{"v1"}},
		"/apis": metav1.APIGroupList{Groups: []metav1.APIGroup{
			{Name: "example.com", PreferredVersion: version("example.com/v2"),
				Versions: []metav1.GroupVersionForDiscovery{version("example.com/v1"), version("example.com/v2")}},
			{Name: "down.example.com", PreferredVersion: version("down.example.com/v1"),
				Versions: []metav1.GroupVersionForDiscovery{version("down.example.com/v1")}},
		}},
		"/api/v1":                   plainList("v1", plainResource("Secret"), metav1.APIResource{Name: "secrets/status", Kind: "Secret", Namespaced: true, Verbs: neededVerbs}),
		"/apis/example.com/v1":      plainList("example.com/v1", plainResource("Foo"), plainResource("Bar")),
		"/apis/example.com/v2":      plainList("example.com/v2", plainResource("Foo")),
		"/apis/down.example.com/v1": plainList("down.example.com/v1", plainResource("Foo")),
	}}
}

func TestEverythingIsReadFromAServerWithoutAggregatedDiscovery(t *testing.T) {
	a := plainAPI()
	a.status["/apis/down.example.com/v1"] = http.StatusServiceUnavailable
	got, err := a.serve(t).everything(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	types, _ := filter(got, nil)
	if want := []string{"Secret.v1", "Bar.v1.example.com", "Foo.v2.example.com"}; !slices.Equal(texts(types), want) {
		t.Errorf("got %v, want %v", types, want)
	}
	if gv := (schema.GroupVersion{Group: "down.example.com", Version: "v1"}); got.failed[gv] == nil || len(got.failed) != 1 {
		t.Errorf("%v failed, want %v", got.failed, gv)
	}
}

func TestOnlyTheGroupVersionsOfNamedTypesAreAskedFor(t *testing.T) {
	a := plainAPI()
	got, err := a.serve(t).versions(t.Context(), []schema.GroupVersion{{Version: "v1"}, {Group: "example.com", Version: "v1"}, {Group: "absent.example.com", Version: "v1"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/api/v1", "/apis/example.com/v1", "/apis/absent.example.com/v1"}; !slices.Equal(a.asked, want) {
		t.Errorf("it took the requests %v, want %v", a.asked, want)
	}
	if len(got.failed) > 0 {
		t.Errorf("%v failed: a group version that is not served is no failure", got.failed)
	}
	if len(got.lists) != 2 {
		t.Errorf("%d group versions, want the two that are served", len(got.lists))
	}
}

func TestAServerThatAnswersNothingIsAnErrorThatSaysWhy(t *testing.T) {
	for _, row := range []struct {
		name string
		ask  func(server) error
		says []string
	}{
		{"under a root", func(s server) error { _, err := s.everything(t.Context()); return err }, []string{"/apis", "told why"}},
		{"for all named types", func(s server) error {
			_, err := s.versions(t.Context(), []schema.GroupVersion{{Group: "example.com", Version: "v1"}})
			return err
		}, []string{"example.com/v1", "told why"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := plainAPI()
			a.status["/apis"], a.status["/apis/example.com/v1"] = http.StatusForbidden, http.StatusForbidden
			err := row.ask(a.serve(t))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range row.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestAnAnswerWithoutTheCoreGroupIsAnError(t *testing.T) {
	for _, row := range []struct {
		name string
		api  *api
	}{
		{"in aggregated discovery", &api{version: "v2", aggregated: map[string][]apidiscovery.APIGroupDiscovery{
			"/api": {}, "/apis": {group("example.com", v("v1", served("Foo")))},
		}}},
		{"where /api is not found", &api{version: "v2", aggregated: map[string][]apidiscovery.APIGroupDiscovery{
			"/apis": {group("example.com", v("v1", served("Foo")))},
		}}},
		{"in the documents of a server without it", &api{plain: map[string]any{
			"/api": metav1.APIVersions{}, "/apis": metav1.APIGroupList{},
		}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := row.api.serve(t).everything(t.Context())
			if err == nil || !strings.Contains(err.Error(), "no core group") {
				t.Errorf("it is taken for an answer: %v, error %v", got, err)
			}
		})
	}
}
