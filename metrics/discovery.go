package metrics

import "github.com/prometheus/client_golang/prometheus"

// discovery are the metrics of which resource types are found.
type discovery struct {
	runs    *prometheus.CounterVec
	failing prometheus.Gauge
	group   *prometheus.GaugeVec
	types   prometheus.Gauge
}

// The results of kubemirror_discovery_runs_total.
const (
	runOK      = "ok"
	runPartial = "partial"
	runError   = "error"
)

func newDiscovery(r prometheus.Registerer) discovery {
	d := discovery{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubemirror_discovery_runs_total",
			Help: "Looks at what the API server serves, by result: ok, partial (some API groups failed), error.",
		}, []string{"result"}),
		failing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kubemirror_discovery_failing_groups",
			Help: "API groups that could not be read when the API server was last looked at.",
		}),
		group: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kubemirror_discovery_group_failing",
			Help: "The API groups that could not be read when the API server was last looked at, 1 for each.",
		}, []string{"group"}),
		types: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kubemirror_watched_types",
			Help: "Resource types that are watched for sources.",
		}),
	}
	for _, result := range []string{runOK, runPartial, runError} {
		d.runs.WithLabelValues(result) // a rate needs the zero
	}
	r.MustRegister(d.runs, d.failing, d.group, d.types)
	return d
}

// DiscoveryRan counts a look at what the API server serves: one that failed as a
// whole, which leaves the failing groups as they were, or one that could not read
// the given API groups.
func (m *Metrics) DiscoveryRan(err error, failingGroups []string) {
	result := runOK
	switch {
	case err != nil:
		result = runError
	case len(failingGroups) > 0:
		result = runPartial
	}
	m.discovery.runs.WithLabelValues(result).Inc()
	if err == nil {
		m.discovery.failing.Set(float64(len(failingGroups)))
		m.discovery.group.Reset()
		for _, group := range failingGroups {
			m.discovery.group.WithLabelValues(group).Set(1)
		}
	}
}

// Types sets the number of resource types that are watched for sources.
func (m *Metrics) Types(n int) { m.discovery.types.Set(float64(n)) }
