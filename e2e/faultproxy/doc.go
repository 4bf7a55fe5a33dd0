// Package faultproxy stands between one process and the API server, and does to the
// process's requests what networks, servers and power cuts do: TLS and HTTP/2 on both
// sides, on loopback, on a port that the system picks.
//
// The process has a kubeconfig that leads here. It shows no certificate: the proxy has
// that, so that the server knows the process by its own name.
//
// A write is met by its number among the writes since Arm was called; what then befalls
// it is a Fault, a few lines over Exchange. Watches are held, frozen, broken or answered
// that they have expired, by what they watch.
//
// It knows nothing of kubemirror but where its writes to objects differ from those to
// events and leases, which are not counted.
package faultproxy
