package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// domain are the metrics of mirroring itself, but for the number of mirrors.
type domain struct {
	reconciles   *prometheus.CounterVec
	reconcileFor *prometheus.HistogramVec
	syncErrors   *prometheus.CounterVec
	propagation  prometheus.Histogram
	drift        *prometheus.CounterVec
}

func newDomain(r prometheus.Registerer) domain {
	d := domain{
		reconciles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubemirror_reconcile_total",
			Help: "Keys worked on, by controller and result.",
		}, []string{"controller", "result"}),
		reconcileFor: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kubemirror_reconcile_duration_seconds",
			Help:    "How long the work on a key took, by controller.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"controller"}),
		syncErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubemirror_sync_errors_total",
			Help: "Failures to bring a source or a mirror into sync, by controller and type of error.",
		}, []string{"controller", "error_type"}),
		propagation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "kubemirror_propagation_seconds",
			Help:    "Time from the event of a source to the write of a mirror.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}),
		drift: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubemirror_drift_corrected_total",
			Help: "Mirrors that someone else had changed and that were put right, by type of source.",
		}, []string{"source_type"}),
	}
	r.MustRegister(d.reconciles, d.reconcileFor, d.syncErrors, d.propagation, d.drift)
	return d
}

// Reconciled counts a key that a controller has worked on, its result, and the
// time that it took. Both words come from small fixed sets.
func (m *Metrics) Reconciled(controller, result string, took time.Duration) {
	m.domain.reconciles.WithLabelValues(controller, result).Inc()
	m.domain.reconcileFor.WithLabelValues(controller).Observe(took.Seconds())
}

// SyncError counts a failure of a controller, by a type of error from a small
// fixed set.
func (m *Metrics) SyncError(controller, errorType string) {
	m.domain.syncErrors.WithLabelValues(controller, errorType).Inc()
}

// Propagated notes the time from a source's event to a mirror's write.
func (m *Metrics) Propagated(d time.Duration) { m.domain.propagation.Observe(d.Seconds()) }

// DriftCorrected counts a mirror of a source of the given type that someone else
// had changed and that was put right.
func (m *Metrics) DriftCorrected(sourceType string) {
	m.domain.drift.WithLabelValues(sourceType).Inc()
}

// MirrorAdded counts a mirror that is there from now on.
func (m *Metrics) MirrorAdded(namespace, sourceType string) { m.mirrors.add(1, namespace, sourceType) }

// MirrorRemoved takes back one MirrorAdded.
func (m *Metrics) MirrorRemoved(namespace, sourceType string) {
	m.mirrors.add(-1, namespace, sourceType)
}

// Observed are the states that are looked up at each scrape.
type Observed struct {
	// OldestUnsynced is how long the mirror that waits longest has not been in
	// sync, or 0.
	OldestUnsynced func() time.Duration
	// Contested is the number of mirrors that somebody keeps changing back.
	Contested func() int
	// Quiet is how long the quietest of the watches has brought nothing, not even a
	// bookmark: a watch that died without a word is seen by it.
	Quiet func() time.Duration
}

// Observe has the states reported from now on. It may be called once.
func (m *Metrics) Observe(o Observed) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubemirror_oldest_unsynced_mirror_age_seconds",
			Help: "How long the mirror that waits longest has not been in sync; 0 if all are.",
		}, func() float64 { return o.OldestUnsynced().Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubemirror_contested_mirrors",
			Help: "Mirrors that someone else keeps changing, on which work is slowed down.",
		}, func() float64 { return float64(o.Contested()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kubemirror_watch_last_event_age_seconds",
			Help: "How long ago the quietest of all watches last brought an event or a bookmark.",
		}, func() float64 { return o.Quiet().Seconds() }),
	)
}
