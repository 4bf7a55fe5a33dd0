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
	writes       *prometheus.CounterVec
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
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kubemirror_writes_total",
			Help: "Writes that the API server took, by operation: create, replace and delete of mirrors, patch of sources.",
		}, []string{"operation"}),
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
	r.MustRegister(d.reconciles, d.reconcileFor, d.syncErrors, d.writes, d.propagation, d.drift)
	return d
}

// Words are the values that labels of these metrics take.
type Words struct {
	Results    []string
	Errors     map[string][]string // by controller
	Operations []string
}

// Expect has the series of all these words begin at zero: the first of a kind would
// be no increase to Prometheus otherwise.
func (m *Metrics) Expect(w Words) {
	for controller, errorTypes := range w.Errors {
		m.domain.reconcileFor.WithLabelValues(controller)
		for _, result := range w.Results {
			m.domain.reconciles.WithLabelValues(controller, result)
		}
		for _, errorType := range errorTypes {
			m.domain.syncErrors.WithLabelValues(controller, errorType)
		}
	}
	for _, operation := range w.Operations {
		m.domain.writes.WithLabelValues(operation)
	}
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

// Wrote counts a write that the API server took.
func (m *Metrics) Wrote(operation string) { m.domain.writes.WithLabelValues(operation).Inc() }

// Propagated notes the time from a source's event to a mirror's write.
func (m *Metrics) Propagated(d time.Duration) { m.domain.propagation.Observe(d.Seconds()) }

// DriftCorrected counts a mirror of a source of the given type that someone else
// had changed and that was put right.
func (m *Metrics) DriftCorrected(sourceType string) {
	m.domain.drift.WithLabelValues(sourceType).Inc()
}

// MirrorAdded counts a mirror that is there from now on.
func (m *Metrics) MirrorAdded(namespace, sourceType string) {
	m.mirrors.add(1, namespace, sourceType)
	m.domain.drift.WithLabelValues(sourceType) // from now on there may be drift: it begins at zero
}

// MirrorRemoved takes back one MirrorAdded.
func (m *Metrics) MirrorRemoved(namespace, sourceType string) {
	m.mirrors.add(-1, namespace, sourceType)
}
