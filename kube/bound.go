package kube

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// errOver is what becomes of a write that comes too late.
var errOver = errors.New("not sent: the lease has run out, and another process may be at work")

// Bound has the clients write nothing any more once over reports true. Each request is asked
// about at the last moment, after all waiting, so that a process that stood still for a
// while does not go on where it was.
func (c *Clients) Bound(over func() bool) { c.over.Store(&over) }

// boundedClient is a client of its own: the other may be http.DefaultClient.
func boundedClient(client *http.Client, over *atomic.Pointer[func() bool]) *http.Client {
	transport := client.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &http.Client{Transport: bounded{transport, over}, Timeout: client.Timeout}
}

// bounded is the transport of all clients but the lease's.
type bounded struct {
	http.RoundTripper
	over *atomic.Pointer[func() bool]
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	if over := b.over.Load(); over != nil && request.Method != http.MethodGet && (*over)() {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, errOver
	}
	return b.RoundTripper.RoundTrip(request)
}

// WrappedRoundTripper lets client-go find what is inside.
func (b bounded) WrappedRoundTripper() http.RoundTripper { return b.RoundTripper }
