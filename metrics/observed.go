package metrics

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Observed are the states that are looked up at each scrape.
type Observed struct {
	// Unsynced is how long the source that waits longest has not been in sync, of each
	// namespace that has one.
	Unsynced func() map[string]time.Duration
	// Contested is the number of mirrors that somebody keeps changing back.
	Contested func() int
	// Census is the number of sources by state, and of problems by reason.
	Census func() (sources, problems map[string]int)
	// Quiet is how long the quietest of the watches has brought nothing, not even a
	// bookmark: a watch that died without a word is seen by it.
	Quiet func() time.Duration
}

// Observe has the states reported from now on. It may be called once. Before, as in
// a replica that stands by, their series are absent.
func (m *Metrics) Observe(o Observed) {
	m.registry.MustRegister(
		unsynced{
			all: prometheus.NewDesc("kubemirror_oldest_unsynced_mirror_age_seconds",
				"How long the mirror that waits longest has not been in sync; 0 if all are.", nil, nil),
			byNamespace: prometheus.NewDesc("kubemirror_source_namespace_unsynced_age_seconds",
				"The same of the sources of one namespace, where one is not in sync; of those namespaces that wait longest.", []string{"source_namespace"}, nil),
			ages: o.Unsynced,
		},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubemirror_contested_mirrors",
			Help: "Mirrors that someone else keeps changing, on which work is slowed down.",
		}, func() float64 { return float64(o.Contested()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubemirror_watch_last_event_age_seconds",
			Help: "How long ago the quietest of all watches last brought an event or a bookmark.",
		}, func() float64 { return o.Quiet().Seconds() }),
		census{
			sources: prometheus.NewDesc("kubemirror_sources",
				"Sources that are there now, by state: in-sync, out-of-sync, paused, stopped, refused, deleting.", []string{"state"}, nil),
			problems: prometheus.NewDesc("kubemirror_problems",
				"What is wrong now, by the reason that events give: once for each mirror, or for a source where it is the source's own.", []string{"reason"}, nil),
			count: o.Census,
		},
	)
}

// unsynced is how long mirrors have waited. One source that nobody mends must not hide how
// long others wait; and whoever has a thousand namespaces must not make as many series.
type unsynced struct {
	all, byNamespace *prometheus.Desc
	ages             func() map[string]time.Duration
}

// mostUnsynced is of how many namespaces it is told.
const mostUnsynced = 50

// Describe implements prometheus.Collector.
func (u unsynced) Describe(out chan<- *prometheus.Desc) {
	out <- u.all
	out <- u.byNamespace
}

// Collect implements prometheus.Collector.
func (u unsynced) Collect(out chan<- prometheus.Metric) {
	ages := u.ages()
	namespaces := slices.SortedFunc(maps.Keys(ages), func(a, b string) int {
		return cmp.Or(cmp.Compare(ages[b], ages[a]), strings.Compare(a, b))
	})
	var oldest time.Duration
	for i, namespace := range namespaces {
		oldest = max(oldest, ages[namespace])
		if i < mostUnsynced {
			out <- prometheus.MustNewConstMetric(u.byNamespace, prometheus.GaugeValue, ages[namespace].Seconds(), namespace)
		}
	}
	out <- prometheus.MustNewConstMetric(u.all, prometheus.GaugeValue, oldest.Seconds())
}

// census is what is counted at once.
type census struct {
	sources, problems *prometheus.Desc
	count             func() (sources, problems map[string]int)
}

// Describe implements prometheus.Collector.
func (c census) Describe(out chan<- *prometheus.Desc) {
	out <- c.sources
	out <- c.problems
}

// Collect implements prometheus.Collector.
func (c census) Collect(out chan<- prometheus.Metric) {
	sources, problems := c.count()
	for state, n := range sources {
		out <- prometheus.MustNewConstMetric(c.sources, prometheus.GaugeValue, float64(n), state)
	}
	for reason, n := range problems {
		out <- prometheus.MustNewConstMetric(c.problems, prometheus.GaugeValue, float64(n), reason)
	}
}
