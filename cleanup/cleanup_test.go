package cleanup

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// only leaves out the API group that the stand-in can't reach.
var only = []schema.GroupKind{{Kind: "ConfigMap"}, {Kind: "Secret"}}

func TestAListWhoseStateIsForgottenGoesOnInThePresentOne(t *testing.T) {
	s, c := newServer(t)
	a, b := s.add("secrets", "a", []string{api.Finalizer}, nil), s.add("secrets", "b", []string{"theirs", api.Finalizer}, nil)
	s.refuse = func(r *http.Request) *metav1.Status {
		if r.URL.Query().Get("continue") != "old-b" {
			return nil
		}
		expired := refusal(http.StatusGone, metav1.StatusReasonExpired)
		expired.Continue = "now-b"
		return expired
	}
	out := &strings.Builder{}
	c.Out, c.Named = out, only
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(a.Finalizers) > 0 || !slices.Equal(b.Finalizers, []string{"theirs"}) {
		t.Errorf("the finalizers are %q and %q", a.Finalizers, b.Finalizers)
	}
	if want := "Secret.v1: 2 sources released\nIn all 2 types: 2 sources released\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out, want)
	}
}

func TestWhatIsBeingDeletedIsLetGoByAPutAndNothingElseIsReadWhole(t *testing.T) {
	s, c := newServer(t)
	now := metav1.Now()
	s.add("secrets", "goes", []string{api.Finalizer}, nil).DeletionTimestamp = &now
	s.add("secrets", "held", []string{"theirs", api.Finalizer}, nil).DeletionTimestamp = &now
	s.add("secrets", "stays", []string{api.Finalizer}, nil)
	out := &strings.Builder{}
	c.Out, c.Named = out, only
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var writes []string
	for _, asked := range s.asked {
		if !strings.HasPrefix(asked, "GET /") {
			writes = append(writes, asked)
		}
	}
	want := []string{"GET whole goes", "PUT goes", "PATCH /api/v1/namespaces/ns/secrets/held", "PATCH /api/v1/namespaces/ns/secrets/stays"}
	if !slices.Equal(writes, want) || !strings.Contains(out.String(), "3 sources released") {
		t.Errorf("asked for %q, want %q; it says %q", writes, want, out)
	}
}

func TestAnObjectThatOthersChangeMeanwhileIsLookedAtAgain(t *testing.T) {
	s, c := newServer(t)
	o := s.add("secrets", "a", []string{api.Finalizer}, nil)
	s.refuse = func(r *http.Request) *metav1.Status {
		if r.Method == http.MethodPatch && o.ResourceVersion == "1" {
			o.ResourceVersion, o.Finalizers = "2", []string{api.Finalizer, "new"}
		}
		return nil
	}
	c.Out, c.Named = &strings.Builder{}, only
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.Finalizers, []string{"new"}) {
		t.Errorf("its finalizers are %q", o.Finalizers)
	}
}

func TestAnObjectThatIsNoMirrorAnyMoreIsNotDeleted(t *testing.T) {
	s, c := newServer(t)
	o := s.addMirror("a", "src")
	s.refuse = func(r *http.Request) *metav1.Status {
		if r.Method != http.MethodDelete {
			return nil
		}
		o.Labels, o.ResourceVersion = nil, "2"
		return refusal(http.StatusConflict, metav1.StatusReasonConflict)
	}
	out := &strings.Builder{}
	c.Out, c.Named, c.DeleteMirrors = out, only, true
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if deletes := slices.DeleteFunc(s.asked, func(a string) bool { return !strings.HasPrefix(a, http.MethodDelete) }); len(deletes) != 1 {
		t.Errorf("it asked %q", deletes)
	}
	if want := "In all 2 types: nothing to do\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out, want)
	}
}

func TestWhatFailsIsNamedAndTheRestIsDone(t *testing.T) {
	s, c := newServer(t)
	s.add("configmaps", "a", []string{api.Finalizer}, nil)
	secret := s.add("secrets", "a", []string{api.Finalizer}, nil)
	dying := s.add("dying", "a", []string{api.Finalizer}, nil)
	s.add("readings", "a", []string{api.Finalizer}, nil)
	s.refuse = func(r *http.Request) *metav1.Status {
		if r.URL.Path == "/api/v1/configmaps" {
			return refusal(http.StatusForbidden, metav1.StatusReasonForbidden)
		}
		return nil
	}
	out := &strings.Builder{}
	c.Out = out
	err := Run(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "2 types") {
		t.Errorf("it ends with %v", err)
	}
	if len(secret.Finalizers)+len(dying.Finalizers) > 0 {
		t.Errorf("the finalizers are %q and %q", secret.Finalizers, dying.Finalizers)
	}
	for _, want := range []string{"ConfigMap.v1: failed: list its objects: refused", "Secret.v1: 1 source released\n", "example.com/v1beta1: failed: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it says %q, which lacks %q", out, want)
		}
	}
	if slices.Contains(s.asked, "GET /api/v1/readings") {
		t.Error("it lists what can hold no finalizer")
	}
}

func TestANamedTypeThatIsNotServedIsSaidAndNoFailure(t *testing.T) {
	_, c := newServer(t)
	out := &strings.Builder{}
	c.Out, c.Named = out, []schema.GroupKind{{Group: "gone.example.com", Kind: "Widget"}}
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "Widget.gone.example.com: the API server does not serve it") {
		t.Errorf("it says %q", out)
	}
}
