package leader

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

func TestLeasesSpeakToTheAPIOfTheirNamespace(t *testing.T) {
	var asked []string
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			answer(t, w, apierrors.NewNotFound(resource, "lease").ErrStatus)
			return
		}
		var lease coordinationv1.Lease
		if err := json.NewDecoder(r.Body).Decode(&lease); err != nil {
			t.Error(err)
		}
		lease.ResourceVersion = "7"
		answer(t, w, lease)
	}))
	defer listener.Close()

	// A limiter that lets nothing pass shows that it is not used.
	config := &rest.Config{Host: listener.URL, RateLimiter: flowcontrol.NewFakeNeverRateLimiter()}
	leases, err := NewLeases(config, listener.Client(), "ns")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leases.Get(t.Context(), "lease", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("reading no lease says %v", err)
	}
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "lease"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("me"), RenewTime: new(metav1.NowMicro())},
	}
	for _, write := range []func() (*coordinationv1.Lease, error){
		func() (*coordinationv1.Lease, error) {
			return leases.Create(t.Context(), lease, metav1.CreateOptions{})
		},
		func() (*coordinationv1.Lease, error) {
			return leases.Update(t.Context(), lease, metav1.UpdateOptions{})
		},
	} {
		got, err := write()
		if err != nil {
			t.Fatal(err)
		}
		if deref(got.Spec.HolderIdentity) != "me" || got.ResourceVersion != "7" {
			t.Errorf("the answer was read as %v", got)
		}
	}
	const path = "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
	if want := []string{"GET " + path + "/lease", "POST " + path, "PUT " + path + "/lease"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

func answer(t *testing.T, w http.ResponseWriter, object any) {
	t.Helper()
	if err := json.NewEncoder(w).Encode(object); err != nil {
		t.Error(err)
	}
}
