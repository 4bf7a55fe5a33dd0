package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics is the set of all metrics of a process. Make one with New.
type Metrics struct {
	registry *prometheus.Registry

	domain    domain
	mirrors   *tally
	watches   *watches
	discovery discovery
	leader    *prometheus.GaugeVec
	clients   clients
	queues    queues
}

// New returns the metrics of a process of the given version and commit, with the
// Go runtime's and the process's own in them.
func New(version, commit string) *Metrics {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "kubemirror_build_info",
		Help:        "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit, "go_version": runtime.Version()},
	})
	build.Set(1)
	m := &Metrics{
		registry:  r,
		domain:    newDomain(r),
		mirrors:   newTally("kubemirror_mirror_resources_total", "Mirrors that are there now.", "namespace", "source_type"),
		watches:   newWatches(),
		discovery: newDiscovery(r),
		leader: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "leader_election_master_status",
			Help: "Whether this process holds the lease: 1, or 0 while it stands by.",
		}, []string{"name"}),
		clients: newClients(r),
		queues:  newQueues(r),
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build, m.mirrors, m.watches, m.leader)
	return m
}

// Leading notes whether this process holds the lease of the given name.
func (m *Metrics) Leading(name string, leading bool) {
	m.leader.WithLabelValues(name).Set(number(leading))
}

// number is how a metric says yes or no.
func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
