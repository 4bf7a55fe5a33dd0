package discovery

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

func TestTheFirstRefreshAlwaysCallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serverResources{}, nil)
		if len(h.seen().calls) != 1 || len(h.seen().calls[0]) != 0 {
			t.Errorf("called back with %v, want once with the empty set", h.seen().calls)
		}
	})
}

func TestAChangeLeadsToARefreshAndACallbackIfTheSetChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		h.serve(serving("Secret", "ConfigMap"), nil)
		h.change()
		after(debounce)
		if want := []string{"ConfigMap.v1", "Secret.v1"}; len(h.seen().calls) != 2 || !slices.Equal(h.seen().calls[1], want) {
			t.Fatalf("%v after the event, called back with %v, want %v", debounce, h.seen().calls, want)
		}
		after(10 * time.Second)
		if len(h.seen().calls) != 2 {
			t.Errorf("called back with %v although the set is the same", h.seen().calls[2:])
		}
		if want := 3; len(h.seen().refreshes) != want {
			t.Errorf("it took %d refreshes, want %d", len(h.seen().refreshes), want)
		}
	})
}

func TestATypeThatIsServedLaterThanItsEventIsFoundByARecheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		h.change()
		after(debounce)
		h.serve(serving("Secret", "Service"), nil)
		after(recheckAfter)
		if len(h.seen().calls) != 2 {
			t.Errorf("called back with %v, want the new type too", h.seen().calls)
		}
	})
}

func TestNothingIsAskedAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		before := len(h.lines())
		after(299 * time.Second)
		if len(h.seen().refreshes) != 1 {
			t.Errorf("%d refreshes in five minutes of rest, want the first alone", len(h.seen().refreshes))
		}
		after(35 * time.Second)
		if len(h.seen().refreshes) != 2 {
			t.Errorf("%d refreshes after the interval, want 2", len(h.seen().refreshes))
		}
		if got := len(h.lines()); got != before {
			t.Errorf("rest is logged: %v", h.lines()[before:])
		}
	})
}

func TestAFailureKeepsTheSetAndIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		before := len(h.lines())
		h.serve(serverResources{}, errors.New("connection refused"))
		h.change()
		after(20 * time.Minute)
		if len(h.seen().calls) != 1 {
			t.Errorf("called back with %v because of a failure", h.seen().calls[1:])
		}
		if lines := h.lines()[before:]; len(lines) != 1 || !strings.Contains(lines[0], "connection refused") {
			t.Errorf("logged %q, want one line that says why", lines)
		}
		if len(h.seen().refreshes) < 40 {
			t.Errorf("%d refreshes in 20 minutes of failure", len(h.seen().refreshes))
		}
		h.serve(serving("Secret"), nil)
		after(retryMax + 3*time.Second)
		if lines := h.lines()[before:]; len(lines) != 2 || !strings.Contains(lines[1], "works again") {
			t.Errorf("logged %q, want one more line", lines)
		}
	})
}

func TestAServerThatIsDownAtStartIsRetriedUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serverResources{}, errors.New("connection refused"))
		if len(h.seen().calls) != 0 {
			t.Fatalf("called back with %v", h.seen().calls)
		}
		h.serve(serving("Secret"), nil)
		after(1100 * time.Millisecond)
		if len(h.seen().calls) != 1 || !slices.Equal(h.seen().calls[0], []string{"Secret.v1"}) {
			t.Errorf("called back with %v, want the type", h.seen().calls)
		}
	})
}

func TestAnAPIGroupThatFailsKeepsItsTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gv := schema.GroupVersion{Group: "example.com", Version: "v1"}
		whole := and(serving("Secret"), group("example.com", v("v1", served("Foo"))))
		h := start(t, "", whole, nil)
		before := len(h.lines())
		h.serve(failing(serving("Secret"), gv), nil)
		h.change()
		after(time.Hour)
		if len(h.seen().calls) != 1 {
			t.Errorf("called back with %v although the group only failed", h.seen().calls[1:])
		}
		if h.seen().runs[len(h.seen().runs)-1] != "all but example.com" {
			t.Errorf("the metrics were told %q", h.seen().runs[len(h.seen().runs)-1])
		}
		h.serve(whole, nil)
		h.change()
		after(debounce)
		if lines := h.lines()[before:]; len(lines) != 2 || !strings.Contains(lines[0], "example.com/v1") {
			t.Errorf("logged %q, want one line that names the group and one when it works again", lines)
		}
	})
}

func TestANamedTypeThatIsMissingIsReportedOnceAndPickedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "Secret.v1,Foo.v1.example.com", serving("Secret", "ConfigMap"), nil)
		after(time.Hour)
		if lines := h.lines(); len(lines) != 2 || !strings.Contains(lines[0], "Foo.v1.example.com") {
			t.Errorf("logged %q, want one line on the missing type and one on those found", lines)
		}
		h.serve(and(serving("Secret"), group("example.com", v("v1", served("Foo")))), nil)
		h.change()
		after(debounce)
		if want := []string{"Secret.v1", "Foo.v1.example.com"}; len(h.seen().calls) != 2 || !slices.Equal(h.seen().calls[1], want) {
			t.Errorf("called back with %v, want %v", h.seen().calls, want)
		}
		h.serve(serving("Secret"), nil)
		h.change()
		after(debounce)
		if want := []string{"Secret.v1"}; len(h.seen().calls) != 3 || !slices.Equal(h.seen().calls[2], want) {
			t.Errorf("called back with %v, want %v", h.seen().calls, want)
		}
		if lines := h.lines(); len(lines) != 5 {
			t.Errorf("logged %q, want a line that it is missing again", lines)
		}
	})
}

func TestTheLogSaysWhatWasAddedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		h.serve(serving("ConfigMap"), nil)
		h.change()
		after(debounce)
		first, _, _ := strings.Cut(h.log.GetBuffer().String(), "\n")
		if !strings.Contains(first, "Starting resource discovery") {
			t.Errorf("the first line is %q", first)
		}
		last := h.lines()[len(h.lines())-1]
		for _, want := range []string{`Completed resource discovery`, `added=["ConfigMap.v1"]`, `removed=["Secret.v1"]`, `types=1`} {
			if !strings.Contains(last, want) {
				t.Errorf("%q does not say %q", last, want)
			}
		}
	})
}

func TestAKindThatIsBeingEstablishedIsHeldBackWhateverElseIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		h.changes.establishing.Store("limitranges", time.Now().Add(debounce+time.Second))
		h.serve(serving("Secret", "LimitRange", "ConfigMap"), nil)
		h.change()
		after(debounce + 999*time.Millisecond)
		if got, want := h.seen().calls[1:], [][]string{{"ConfigMap.v1", "Secret.v1"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("before it is established, the types become %v, want %v", got, want)
		}
		after(time.Millisecond)
		if got, want := h.seen().calls[2:], [][]string{{"ConfigMap.v1", "LimitRange.v1", "Secret.v1"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("then, they become %v, want %v", got, want)
		}
	})
}

func TestAKindThatWeHaveIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("LimitRange"), nil)
		h.changes.establishing.Store("limitranges", time.Now().Add(time.Hour))
		h.serve(serving("LimitRange", "ConfigMap"), nil)
		h.change()
		after(time.Second)
		if got, want := h.seen().calls[1:], [][]string{{"ConfigMap.v1", "LimitRange.v1"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("the types become %v, want %v", got, want)
		}
	})
}

func TestDefinitionsAreWatchedForNamesThatTheyBringAlone(t *testing.T) {
	for _, row := range []struct {
		named   string
		watched map[string]bool // groups; nil for all
		none    bool
	}{
		{named: ""},
		{named: "Secret.v1,Deployment.v1.apps,Ingress.v1.networking.k8s.io,Role.v1.rbac.authorization.k8s.io", none: true},
		{named: "Secret.v1,Issuer.v1.cert-manager.io", watched: map[string]bool{"cert-manager.io": true}},
		{named: "HTTPRoute.v1.gateway.networking.k8s.io", watched: map[string]bool{"gateway.networking.k8s.io": true}},
	} {
		names, err := ParseTypes(row.named)
		if err != nil {
			t.Fatal(err)
		}
		client, err := metadata.NewForConfigAndClient(&rest.Config{}, http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		w, err := New(Config{REST: &rest.Config{}, HTTP: http.DefaultClient, Metadata: client, Named: names, Interval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if (len(w.informers) == 0) != row.none {
			t.Errorf("%q: %d informers", row.named, len(w.informers))
		}
		if !row.none && (!maps.Equal(w.changes.groups, row.watched) || (w.changes.groups == nil) != (row.watched == nil)) {
			t.Errorf("%q: changes in the groups %v matter, want %v", row.named, w.changes.groups, row.watched)
		}
	}
}
