package tests

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// What the flags say of how much the process asks of the API server, and how
// much of it at a time.

// gate is an admission webhook that holds up what one user writes until it is
// opened, and counts how many requests wait before it.
type gate struct {
	*httptest.Server
	user   string // whose requests are held up
	opened context.Context
	open   context.CancelFunc

	mu      sync.Mutex
	others  bool // a request of somebody else has come by: the webhook is in use
	waiting int
}

func newGate(t *testing.T, user string) *gate {
	g := &gate{user: user}
	g.opened, g.open = context.WithCancel(t.Context())
	g.Server = httptest.NewTLSServer(http.HandlerFunc(g.review))
	t.Cleanup(g.Close)
	t.Cleanup(g.open)
	return g
}

func (g *gate) review(w http.ResponseWriter, r *http.Request) {
	var review struct {
		Request struct {
			UID      string
			UserInfo struct{ Username string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if g.count(review.Request.UserInfo.Username, 1) {
		<-g.opened.Done()
		g.count(review.Request.UserInfo.Username, -1)
	}
	_, _ = fmt.Fprintf(w, `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": %q, "allowed": true}}`, review.Request.UID)
}

// count adds to the number of those that wait, and reports whether that user has to.
func (g *gate) count(user string, n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if user != g.user {
		g.others = true
		return false
	}
	g.waiting += n
	return true
}

func (g *gate) now() (waiting int, inUse bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting, g.others
}

// webhook has the API server ask the gate about a resource in the namespaces that
// have the label gate: PREFIX.
func (g *gate) webhook(resource string) string {
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})
	return fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: PREFIX-gate}
webhooks:
- name: gate.example.com
  clientConfig: {url: %q, caBundle: %s}
  namespaceSelector: {matchLabels: {gate: PREFIX}}
  rules:
  - {apiGroups: [""], apiVersions: [v1], resources: [%s], operations: [CREATE, UPDATE]}
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 30
`, g.URL, base64.StdEncoding.EncodeToString(authority), resource)
}

func TestAsManyMirrorsAreWrittenAtATimeAsThereAreWorkersAndTwoOfASourceAtLeast(t *testing.T) {
	t.Parallel()
	// No source has all workers: a fifth of them, or two, are a source's share, and all but
	// one that of a namespace with sources.
	for _, row := range []struct{ workers, namespaces, sources, atATime int }{{1, 1, 1, 1}, {3, 1, 1, 2}, {3, 1, 2, 2}, {3, 2, 1, 3}, {5, 1, 3, 4}, {15, 1, 1, 3}} {
		t.Run(fmt.Sprintf("--worker-threads=%d with %d namespaces of sources: %d", row.workers, row.namespaces, row.sources), func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			targets := []string{"a", "b", "c", "d", "e", "f"}
			for _, suffix := range targets {
				env.Namespace(suffix, "gate="+env.Prefix())
			}
			km := env.Start("--resource-types=ConfigMap.v1", fmt.Sprintf("--worker-threads=%d", row.workers))
			g := newGate(t, km.User)
			env.Apply(g.webhook("configmaps"))
			env.Eventually("the webhook is in use", func(context.Context) error {
				env.Apply(fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "try", "namespace": "PREFIX-a"}, "data": {"at": "%d"}}`, time.Now().UnixNano()))
				if _, inUse := g.now(); !inUse {
					return fmt.Errorf("it has not been asked")
				}
				return nil
			})

			var sources []kit.Ref
			for n := range row.namespaces {
				namespace := env.Namespace(fmt.Sprint("src", n))
				for m := range row.sources {
					src := kit.Object(configMap, namespace, fmt.Sprintf("settings-%d-%d", n, m))
					env.Apply(source(src, "target-namespaces=PREFIX-?"))
					sources = append(sources, src)
				}
			}
			asMany := func(context.Context) error {
				if n, _ := g.now(); n != row.atATime {
					return fmt.Errorf("%d are", n)
				}
				return nil
			}
			env.Eventually(fmt.Sprintf("%d mirrors are being written", row.atATime), asMany)
			env.Consistently("there are no more", 300*time.Millisecond, asMany)
			g.open()
			for _, src := range sources {
				waitForMirrors(env, src, targets...)
			}
		})
	}
}

func TestRequestsAreLimitedAsFlagsSay(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	var targets []string
	for i := range 20 {
		targets = append(targets, fmt.Sprintf("n%02d", i))
		env.Namespace(targets[i])
	}
	// took is how long the process took over its writes of all mirrors.
	took := func(km *kit.Kubemirror, mark audit.Mark) time.Duration {
		writes := km.Since(mark).Where(audit.Filter{Verbs: []string{"create", "update"}, Resources: []string{"configmaps"}})
		if len(writes) != len(targets) {
			t.Fatalf("%d writes of %d mirrors:\n%s", len(writes), len(targets), writes)
		}
		return writes[len(writes)-1].Received.Sub(writes[0].Received)
	}

	km := env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=10", "--rate-limit-burst=1")
	mark := env.Mark()
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, targets...)
	if got := took(km, mark); got < 1700*time.Millisecond { // 19 intervals of 100 ms, and some of a clock's leeway
		t.Errorf("at 10 requests a second, 20 took %v", got)
	}
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	km = env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=1", "--rate-limit-burst=60")
	mark = env.Mark()
	env.Patch(src, `{"data":{"key":"changed"}}`)
	for _, suffix := range targets {
		env.WaitFor(src.In(env.Name(suffix)), "has the change", hasData("changed"))
	}
	if got := took(km, mark); got > 10*time.Second { // without the burst it would be 19 s
		t.Errorf("with a burst of 60, 20 requests took %v", got)
	}
}

func TestTypesAreLookedForAtTheIntervalOfTheFlag(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	km := env.Start("--resource-types=ConfigMap.v1", "--discovery-interval=200ms")
	mark := env.Mark()
	env.Eventually("types are looked for thrice", func(context.Context) error {
		n := 0
		for _, r := range km.Since(mark) {
			if strings.HasPrefix(r.URI, "/api/v1") && r.Resource == "" {
				n++
			}
		}
		if n < 3 {
			return fmt.Errorf("%d times so far", n)
		}
		return nil
	})
}
