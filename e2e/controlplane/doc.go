// Package controlplane runs a real Kubernetes control plane on this machine:
// etcd, the API server and the controller manager, with no node, no container
// and nothing but Go needed.
//
// The three programs are built once from the Go module proxy (see Build) and
// kept in the user's cache folder. Start has a control plane ready in seconds;
// Stop leaves neither a process nor a file. Everything listens on loopback or
// on a socket in a folder of our own, so that several run side by side.
//
// Users are client certificates, made as they are asked for (Kubeconfig,
// RESTConfig). All that they ask of the server is in its audit log (Audit).
//
// It is for tests and demonstrations. It is not a cluster: no pod ever runs,
// data does not survive it, and etcd does not even wait for the disk.
package controlplane
