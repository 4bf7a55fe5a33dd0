// Package kube is every way to the API server: the configuration, the clients
// that share one connection and one rate limit, what the informers watch by which
// of them, the writer of what the controller has encoded, and the reviews
// that secure metrics ask for.
//
// It decides nothing of what is read or written, and keeps nothing. Where a client
// of client-go has a form for a request, that client is used; the rest has its
// reason beside it.
package kube
