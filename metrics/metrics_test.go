package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"k8s.io/client-go/util/workqueue"
)

// use calls every method of the set once.
func use(t *testing.T, m *Metrics) {
	t.Helper()
	m.Reconciled("source", "ok", 3*time.Millisecond)
	m.SyncError("mirror", "forbidden")
	m.Wrote("create")
	m.MirrorAdded("team-a", "Secret.v1")
	m.Propagated(20 * time.Millisecond)
	m.DriftCorrected("Secret.v1")
	m.Observe(Observed{
		Unsynced: func() map[string]time.Duration {
			return map[string]time.Duration{"team-a": 90 * time.Second, "team-b": 30 * time.Second}
		},
		Contested: func() int { return 1 },
		Census: func() (map[string]int, map[string]int) {
			return map[string]int{"in-sync": 3}, map[string]int{"ForeignObject": 2}
		},
		Quiet: func() time.Duration { return time.Minute },
	})
	m.DiscoveryRan(nil, []string{"a.example.com", "b.example.com"})
	m.Types(17)
	m.WatchFailing("Secret.v1", true)
	m.Leading("kubemirror", true)
	hooks := m.clients.hooks()
	hooks.RequestResult.Increment(t.Context(), "200", "GET", "api:443")
	hooks.RequestLatency.Observe(t.Context(), "GET", url.URL{Host: "api:443", Path: "/a/b"}, time.Millisecond)
	hooks.RateLimiterLatency.Observe(t.Context(), "GET", url.URL{Host: "api:443"}, time.Millisecond)
	hooks.RequestRetry.IncrementRetry(t.Context(), "429", "GET", "api:443")
	q := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{Name: "sources", MetricsProvider: m.Queues()})
	defer q.ShutDown()
	q.Add("key")
	m.Queues().NewRetriesMetric("sources").Inc()
}

// page returns the lines that a scrape reads, but for comments.
func page(t *testing.T, m *Metrics) []string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("the scrape answers %d: %s", answer.Code, answer.Body)
	}
	lines := strings.Split(strings.TrimSpace(answer.Body.String()), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") })
}

func TestThePageHoldsTheMetricsOfTheContract(t *testing.T) {
	m := New("1.2.3", "abcdef")
	use(t, m)
	got := page(t, m)
	for _, want := range []string{
		`kubemirror_reconcile_total{controller="source",result="ok"} 1`,
		`kubemirror_reconcile_duration_seconds_count{controller="source"} 1`,
		`kubemirror_mirror_resources_total{namespace="team-a",source_type="Secret.v1"} 1`,
		`kubemirror_sync_errors_total{controller="mirror",error_type="forbidden"} 1`,
		`kubemirror_propagation_seconds_count 1`,
		`kubemirror_oldest_unsynced_mirror_age_seconds 90`,
		`kubemirror_source_namespace_unsynced_age_seconds{source_namespace="team-a"} 90`,
		`kubemirror_source_namespace_unsynced_age_seconds{source_namespace="team-b"} 30`,
		`kubemirror_drift_corrected_total{source_type="Secret.v1"} 1`,
		`kubemirror_contested_mirrors 1`,
		`kubemirror_writes_total{operation="create"} 1`,
		`kubemirror_sources{state="in-sync"} 3`,
		`kubemirror_problems{reason="ForeignObject"} 2`,
		`kubemirror_discovery_runs_total{result="ok"} 0`,
		`kubemirror_discovery_runs_total{result="partial"} 1`,
		`kubemirror_discovery_runs_total{result="error"} 0`,
		`kubemirror_discovery_failing_groups 2`,
		`kubemirror_discovery_group_failing{group="a.example.com"} 1`,
		`kubemirror_watched_types 17`,
		`kubemirror_watch_failing{resource="Secret.v1"} 1`,
		`kubemirror_watch_last_event_age_seconds 60`,
		`leader_election_master_status{name="kubemirror"} 1`,
		`rest_client_requests_total{code="200",host="api:443",method="GET"} 1`,
		`rest_client_request_duration_seconds_count{host="api:443",verb="GET"} 1`,
		`rest_client_rate_limiter_duration_seconds_count{host="api:443",verb="GET"} 1`,
		`rest_client_request_retries_total{code="429",host="api:443",verb="GET"} 1`,
		`workqueue_depth{name="sources"} 1`,
		`workqueue_adds_total{name="sources"} 1`,
		`workqueue_queue_duration_seconds_count{name="sources"} 0`,
		`workqueue_work_duration_seconds_count{name="sources"} 0`,
		`workqueue_unfinished_work_seconds{name="sources"} 0`,
		`workqueue_longest_running_processor_seconds{name="sources"} 0`,
		`workqueue_retries_total{name="sources"} 1`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, want := range []string{
		`kubemirror_build_info{commit="abcdef",go_version="go`, `go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("the page lacks %s…", want)
		}
	}
	if t.Failed() {
		t.Log("the page:\n" + strings.Join(got, "\n"))
	}
}

func TestTheMetricsKeepPrometheusNamingRules(t *testing.T) {
	m := New("1.2.3", "abcdef")
	use(t, m)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	// The contract names a gauge as if it were a counter.
	const agreed = "kubemirror_mirror_resources_total"
	for _, p := range problems {
		if p.Metric != agreed {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestSeriesGoWithWhatTheyCount(t *testing.T) {
	m := New("1.2.3", "abcdef")
	m.DriftCorrected("Secret.v1") // of types there are few
	before := len(page(t, m))
	for i := range 500 {
		namespace, resource := fmt.Sprintf("ns-%d", i), fmt.Sprintf("foos.g%d.example.com", i)
		m.MirrorAdded(namespace, "Secret.v1")
		m.MirrorAdded(namespace, "Secret.v1")
		m.MirrorRemoved(namespace, "Secret.v1")
		m.WatchFailing(resource, true)
		if got := len(page(t, m)); i == 0 && got != before+2 {
			t.Fatalf("%d series beside the first %d, want 2", got-before, before)
		}
		m.MirrorRemoved(namespace, "Secret.v1")
		m.WatchGone(resource)
	}
	if got := len(page(t, m)); got != before {
		t.Errorf("%d series are left of 500 namespaces and resources that are gone", got-before)
	}
}

func TestWhatMayHappenIsThereBeforeItDoes(t *testing.T) {
	m := New("1.2.3", "abcdef")
	m.Expect(Words{Results: []string{"success"}, Errors: map[string][]string{"mirror": {"conflict"}}, Operations: []string{"create"}})
	m.MirrorAdded("team-a", "Secret.v1")
	got := page(t, m)
	for _, want := range []string{
		`kubemirror_reconcile_total{controller="mirror",result="success"} 0`,
		`kubemirror_reconcile_duration_seconds_count{controller="mirror"} 0`,
		`kubemirror_sync_errors_total{controller="mirror",error_type="conflict"} 0`,
		`kubemirror_writes_total{operation="create"} 0`,
		`kubemirror_drift_corrected_total{source_type="Secret.v1"} 0`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestTheNumberOfMirrorsIsNeverNegative(t *testing.T) {
	m := New("1.2.3", "abcdef")
	m.MirrorRemoved("team-a", "Secret.v1")
	m.MirrorAdded("team-a", "Secret.v1")
	want := `kubemirror_mirror_resources_total{namespace="team-a",source_type="Secret.v1"} 1`
	if got := page(t, m); !slices.Contains(got, want) {
		t.Errorf("the page lacks %s", want)
	}
}

func TestADiscoveryThatFailsLeavesTheFailingGroupsAsTheyWere(t *testing.T) {
	m := New("1.2.3", "abcdef")
	m.DiscoveryRan(nil, []string{"a.example.com", "b.example.com"})
	m.DiscoveryRan(errors.New("refused"), nil)
	got := page(t, m)
	for _, want := range []string{
		`kubemirror_discovery_failing_groups 2`, `kubemirror_discovery_group_failing{group="b.example.com"} 1`, `kubemirror_discovery_runs_total{result="error"} 1`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestAnAPIGroupThatWorksAgainIsNoSeriesAnyMore(t *testing.T) {
	m := New("1.2.3", "abcdef")
	m.DiscoveryRan(nil, []string{"a.example.com", "b.example.com"})
	m.DiscoveryRan(nil, []string{"b.example.com"})
	got := page(t, m)
	if slices.Contains(got, `kubemirror_discovery_group_failing{group="a.example.com"} 1`) || !slices.Contains(got, `kubemirror_discovery_group_failing{group="b.example.com"} 1`) {
		t.Errorf("the page says: %s", strings.Join(got, "\n"))
	}
}

func TestAllOfItMayBeUsedAtOnce(t *testing.T) {
	m := New("1.2.3", "abcdef")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				m.Reconciled("source", "ok", time.Millisecond)
				m.MirrorAdded("team-a", "Secret.v1")
				m.WatchFailing("Secret.v1", i%2 == 0)
				m.WatchGone("Secret.v1")
				m.MirrorRemoved("team-a", "Secret.v1")
			}
		})
		all.Go(func() {
			for range 5 {
				page(t, m)
			}
		})
	}
	all.Wait()
}
