package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Proxy passes on what one process asks of the API server. Its methods may be called
// from any goroutine.
type Proxy struct {
	server   *url.URL
	upstream http.RoundTripper
	pass     *httputil.ReverseProxy
	http     *http.Server
	listener net.Listener
	pem      []byte

	// owned is closed once kill is set.
	owned chan struct{}
	kill  func()

	mu sync.Mutex
	// writes are those since Arm.
	writes []Write
	armed  armed
	watches
}

// New starts a proxy for the process that the server knows as the config's user.
func New(config *rest.Config) (*Proxy, error) {
	server, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	upstream, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("make the proxy's way to the server: %w", err)
	}
	certificate, pem, err := newCertificate()
	if err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the process: %w", err)
	}
	p := &Proxy{server: server, upstream: upstream, listener: listener, pem: pem, owned: make(chan struct{})}
	p.pass = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:      upstream,
		FlushInterval:  -1, // watches have their events one by one
		ModifyResponse: p.gate,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // the server is away, or the process
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	p.http = &http.Server{
		Handler:           p,
		TLSConfig:         tlsConfig(certificate),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() { _ = p.http.ServeTLS(listener, "", "") }() // until Close
	return p, nil
}

// Close ends the proxy, and whatever goes through it.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.letGo()
	p.mu.Unlock()
	err := p.http.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Owner says how the process is killed; it returns once the process is dead. A fault
// that kills waits for this.
func (p *Proxy) Owner(kill func()) {
	p.kill = kill
	close(p.owned)
}

// connKey is where a request's context has its connection.
type connKey struct{}

// cut closes the connection that a request came by, with all that goes on in it.
func cut(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		_ = c.Close()
	}
	panic(http.ErrAbortHandler)
}

// ServeHTTP passes a request on, or does to it what has been armed.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if write, is := newWrite(r); is {
		if fault := p.count(write); fault != nil {
			p.befall(fault, w, r)
			return
		}
		p.pass.ServeHTTP(w, r)
		return
	}
	if !p.admit(w, r) {
		return
	}
	p.pass.ServeHTTP(w, r)
}
