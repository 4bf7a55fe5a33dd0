package metrics

import "github.com/prometheus/client_golang/prometheus"

// discovery are the metrics of which resource types are found.
type discovery struct {
	runs    *prometheus.CounterVec
	failing prometheus.Gauge
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
		types: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kubemirror_watched_types",
			Help: "Resource types that are watched for sources.",
		}),
	}
	for _, result := range []string{runOK, runPartial, runError} {
		d.runs.WithLabelValues(result) // a rate needs the zero
	}
	r.MustRegister(d.runs, d.failing, d.types)
	return d
}

// DiscoveryRan counts a look at what the API server serves: one that failed as a
// whole, which leaves the number of failing groups as it was, or one that could
// not read the given number of API groups.
func (m *Metrics) DiscoveryRan(err error, failingGroups int) {
	result := runOK
	switch {
	case err != nil:
		result = runError
	case failingGroups > 0:
		result = runPartial
	}
	m.discovery.runs.WithLabelValues(result).Inc()
	if err == nil {
		m.discovery.failing.Set(float64(failingGroups))
	}
}

// Types sets the number of resource types that are watched for sources.
func (m *Metrics) Types(n int) { m.discovery.types.Set(float64(n)) }
