package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// tally is a gauge with two labels that counts things, and of which a series is
// there only while it counts some. A GaugeVec would keep the series of every
// namespace that ever was.
type tally struct {
	desc *prometheus.Desc

	mu     sync.Mutex
	counts map[[2]string]int
}

func newTally(name, help, first, second string) *tally {
	return &tally{
		desc:   prometheus.NewDesc(name, help, []string{first, second}, nil),
		counts: map[[2]string]int{},
	}
}

func (t *tally) add(delta int, first, second string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [2]string{first, second}
	if n := t.counts[key] + delta; n > 0 {
		t.counts[key] = n
	} else {
		delete(t.counts, key)
	}
}

// Describe implements prometheus.Collector.
func (t *tally) Describe(out chan<- *prometheus.Desc) { out <- t.desc }

// Collect implements prometheus.Collector.
func (t *tally) Collect(out chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, n := range t.counts {
		out <- prometheus.MustNewConstMetric(t.desc, prometheus.GaugeValue, float64(n), key[0], key[1])
	}
}
