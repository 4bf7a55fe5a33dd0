package metrics

import (
	"context"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientmetrics "k8s.io/client-go/tools/metrics"
)

// clients are the metrics of client-go's REST clients, with the names, labels
// and buckets of k8s.io/component-base/metrics/prometheus/restclient.
type clients struct {
	requests    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	rateLimiter *prometheus.HistogramVec
	retries     *prometheus.CounterVec
}

func newClients(r prometheus.Registerer) clients {
	seconds := []float64{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60}
	c := clients{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rest_client_requests_total",
			Help: "Number of HTTP requests, partitioned by status code, method, and host.",
		}, []string{"code", "method", "host"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "rest_client_request_duration_seconds",
			Help:    "Request latency in seconds. Broken down by verb, and host.",
			Buckets: seconds,
		}, []string{"verb", "host"}),
		rateLimiter: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "rest_client_rate_limiter_duration_seconds",
			Help:    "Client side rate limiter latency in seconds. Broken down by verb, and host.",
			Buckets: seconds,
		}, []string{"verb", "host"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rest_client_request_retries_total",
			Help: "Number of request retries, partitioned by status code, verb, and host.",
		}, []string{"code", "verb", "host"}),
	}
	r.MustRegister(c.requests, c.latency, c.rateLimiter, c.retries)
	return c
}

// HookClients makes all REST clients of the process report here. client-go has
// one such hook for a process, and takes the first call only: call it once, and
// before the first client is made.
func (m *Metrics) HookClients() { clientmetrics.Register(m.clients.hooks()) }

func (c clients) hooks() clientmetrics.RegisterOpts {
	return clientmetrics.RegisterOpts{
		RequestResult:      results{c.requests},
		RequestLatency:     latencies{c.latency},
		RateLimiterLatency: latencies{c.rateLimiter},
		RequestRetry:       results{c.retries},
	}
}

type latencies struct{ *prometheus.HistogramVec }

// Observe implements client-go's LatencyMetric.
func (l latencies) Observe(_ context.Context, verb string, u url.URL, took time.Duration) {
	l.WithLabelValues(verb, u.Host).Observe(took.Seconds())
}

type results struct{ *prometheus.CounterVec }

// Increment implements client-go's ResultMetric.
func (r results) Increment(_ context.Context, code, method, host string) {
	r.WithLabelValues(code, method, host).Inc()
}

// IncrementRetry implements client-go's RetryMetric.
func (r results) IncrementRetry(_ context.Context, code, method, host string) {
	r.WithLabelValues(code, method, host).Inc()
}
