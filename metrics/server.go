package metrics

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/klog/v2"
)

// Off is the address that turns endpoints off.
const Off = "0"

// shutdownTimeout bounds how long Run waits for requests under way.
const shutdownTimeout = 5 * time.Second

// Endpoints say what a Server serves, and where: host:port as net.Listen takes
// it, or Off. Both addresses may be the same one.
type Endpoints struct {
	MetricsAddress string // of /metrics
	ProbeAddress   string // of /healthz, /livez and /readyz
	// Secure has the metrics served by TLS, to those who may read them; nil serves
	// them plainly. Then the addresses must differ: probes are always plain.
	Secure *Secure
	// Live are the checks of /livez and /healthz, Ready those of /readyz. They are
	// called at each request, and must return soon.
	Live, Ready []Check
}

// Secure is what it takes to serve by TLS, to some.
type Secure struct {
	Certificate *Certificate
	Review      Review
}

// Check is a named condition. Do returns why it does not hold, or nil.
type Check struct {
	Name string
	Do   func() error
}

// Server serves metrics and probes. Make one with Listen.
type Server struct {
	logger    klog.Logger
	errorLog  *log.Logger
	listeners []listener
}

// listener is an address and what is served there.
type listener struct {
	net.Listener
	asked     string // the address as it was asked for
	endpoints []string
	mux       *http.ServeMux
	tls       *tls.Config // nil for plain HTTP
}

// Listen opens the addresses, so that what is wrong with one is an error at
// start and port 0 is settled. Run serves them.
func (m *Metrics) Listen(ctx context.Context, e Endpoints) (*Server, error) {
	logger := klog.FromContext(ctx)
	s := &Server{logger: logger, errorLog: newErrorLog(logger)}
	probes := func(mux *http.ServeMux) {
		mux.Handle("GET /healthz", s.probe("healthz", e.Live))
		mux.Handle("GET /livez", s.probe("livez", e.Live))
		mux.Handle("GET /readyz", s.probe("readyz", e.Ready))
	}
	page := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            s.errorLog,
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		// A page is tens of kilobytes, the compressor's tables a megabyte.
		DisableCompression: true,
	})
	var secured *tls.Config
	if e.Secure != nil {
		page = newGate(e.Secure.Review, s.logger, page)
		secured = s.secured(e.Secure.Certificate)
	}
	metrics := func(mux *http.ServeMux) { mux.Handle("GET "+metricsPath, page) }
	err := errors.Join(
		s.listen(ctx, "metrics", e.MetricsAddress, secured, metrics),
		s.listen(ctx, "probes", e.ProbeAddress, nil, probes),
	)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// secured is how TLS is spoken: as Kubernetes' components do, from 1.2 on.
func (s *Server) secured(certificate *Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.current(s.logger), nil },
	}
}

// listen adds endpoints at an address, which it opens unless it is open already.
func (s *Server) listen(ctx context.Context, endpoints, address string, secured *tls.Config, handle func(*http.ServeMux)) error {
	if address == Off {
		return nil
	}
	for i := range s.listeners {
		if l := &s.listeners[i]; l.asked == address {
			l.endpoints = append(l.endpoints, endpoints)
			handle(l.mux)
			return nil
		}
	}
	if address == "" {
		return fmt.Errorf("listen for %s: want an address such as :8080, or %s for none", endpoints, Off)
	}
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", endpoints, err)
	}
	l := listener{socket, address, []string{endpoints}, http.NewServeMux(), secured}
	handle(l.mux)
	s.listeners = append(s.listeners, l)
	return nil
}

// Run serves until the context ends, waits some seconds for requests under way,
// and returns nil. It returns an error if an address fails in between.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	failed := make(chan error, len(s.listeners))
	// HTTP/2 would let one connection ask many things at a time, and nobody who reads
	// this has a use for that.
	var http1 http.Protocols
	http1.SetHTTP1(true)
	var servers []*http.Server
	for _, l := range s.listeners {
		server := &http.Server{
			Handler:           l.mux,
			TLSConfig:         l.tls,
			Protocols:         &http1,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       90 * time.Second,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          s.errorLog,
		}
		servers = append(servers, server)
		for _, endpoints := range l.endpoints {
			s.logger.Info("Serving", "endpoints", endpoints, "address", l.Addr().String(), "tls", l.tls != nil)
		}
		go func() {
			if l.tls != nil {
				failed <- server.ServeTLS(l, "", "")
			} else {
				failed <- server.Serve(l)
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve metrics and probes: %w", err)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, server := range servers {
		if server.Shutdown(ending) != nil {
			_ = server.Close() // the requests that are left had their time
		}
	}
	return err
}

// close closes what listens; what is closed already does not matter.
func (s *Server) close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// probe answers "ok", or 500 and the names of the checks that fail. The reasons
// are for the log: the endpoint asks for no credentials.
func (s *Server) probe(name string, checks []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var text strings.Builder
		for _, check := range checks {
			if err := check.Do(); err != nil {
				s.logger.V(2).Info("Probe fails", "probe", name, "check", check.Name, "reason", err)
				text.WriteString("[-]" + check.Name + " failed\n")
			}
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if text.Len() > 0 {
			w.WriteHeader(http.StatusInternalServerError)
			text.WriteString(name + " check failed\n")
		} else {
			text.WriteString("ok")
		}
		_, _ = io.WriteString(w, text.String()) // who asked may have gone
	})
}
