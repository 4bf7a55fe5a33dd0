// Package metrics is what a person on call sees of a running process: the
// Prometheus metrics of the contract ("Metrics"), and the HTTP endpoints for
// them and for probes.
//
// Metrics holds a registry of its own with everything in it: the domain's
// metrics, fed through typed methods that main hands to the other rooms as small
// interfaces, and adapters for the hooks of client-go (work queues, REST clients,
// the lease) under the names that Kubernetes' own components use, so that
// existing dashboards and alerts fit.
//
// All methods are cheap and may be called from any goroutine. Series do not
// grow without bound: what is labelled by namespace or watched resource goes when
// the last thing that it counts goes, and other labels have few values. It never holds content of objects.
//
// It decides nothing: what is healthy is said by the checks that it is given.
package metrics
