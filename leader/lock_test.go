package leader

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/flowcontrol"
)

func TestALeaseIsReachedWithoutARateLimitAndWithATimeOut(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			answer(t, w, apierrors.NewNotFound(resource, "lease").ErrStatus)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		lease := &coordinationv1.Lease{}
		if _, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, lease); err != nil {
			t.Error(err)
		}
		if got := holderOf(lease); got != "me" {
			t.Errorf("%s: the holder is %q", r.Method, got)
		}
		answer(t, w, lease)
	}))
	defer server.Close()

	// A limiter that lets nothing pass shows that it is not used.
	lease, err := NewLease(&rest.Config{Host: server.URL, RateLimiter: flowcontrol.NewFakeNeverRateLimiter()}, "ns", "lease", "me")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := lease.Get(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("reading no lease says %v", err)
	}
	record := resourcelock.LeaderElectionRecord{HolderIdentity: lease.Identity()}
	if err := lease.Create(t.Context(), record); err != nil {
		t.Error(err)
	}
	if err := lease.Update(t.Context(), record); err != nil {
		t.Error(err)
	}
	const path = "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
	want := []string{"GET " + path + "/lease?timeout=5s", "POST " + path + "?timeout=5s", "PUT " + path + "/lease?timeout=5s"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

func answer(t *testing.T, w http.ResponseWriter, object any) {
	t.Helper()
	if err := json.NewEncoder(w).Encode(object); err != nil {
		t.Error(err)
	}
}
