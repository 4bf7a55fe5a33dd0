package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// watches says of each watched resource whether its list or watch fails now.
type watches struct {
	failing *prometheus.Desc

	mu    sync.Mutex
	fails map[string]bool
}

func newWatches() *watches {
	return &watches{
		failing: prometheus.NewDesc("kubemirror_watch_failing",
			"Whether the list or the watch of a resource fails now.", []string{"resource"}, nil),
		fails: map[string]bool{},
	}
}

// WatchFailing notes whether the list or watch of a resource fails now.
func (m *Metrics) WatchFailing(resource string, failing bool) {
	m.watches.mu.Lock()
	defer m.watches.mu.Unlock()
	m.watches.fails[resource] = failing
}

// WatchGone drops the series of a resource that is not watched any more. What
// its watch reports later would bring them back: call it after the watch ended.
func (m *Metrics) WatchGone(resource string) {
	m.watches.mu.Lock()
	defer m.watches.mu.Unlock()
	delete(m.watches.fails, resource)
}

// Describe implements prometheus.Collector.
func (w *watches) Describe(out chan<- *prometheus.Desc) {
	out <- w.failing
}

// Collect implements prometheus.Collector.
func (w *watches) Collect(out chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for resource, failing := range w.fails {
		out <- prometheus.MustNewConstMetric(w.failing, prometheus.GaugeValue, number(failing), resource)
	}
}
