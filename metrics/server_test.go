package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve runs a server until the test ends, and returns its base URLs in the order
// of its addresses.
func serve(t *testing.T, e Endpoints) (urls []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New("1.2.3", "abcdef").Listen(ctx, e)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	for _, l := range s.listeners {
		urls = append(urls, "http://"+l.Addr().String())
	}
	return urls
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func holds(name string) Check { return Check{name, func() error { return nil }} }

func fails(name string) Check {
	return Check{name, func() error { return errors.New("a reason with details") }}
}

func TestMetricsAndProbesAreServed(t *testing.T) {
	const free = "127.0.0.1:0"
	for _, row := range []struct {
		name      string
		endpoints Endpoints
		urls      int
		metrics   int // the index of the URL with the metrics; -1 for none
		probes    int
	}{
		{"each at its address", Endpoints{MetricsAddress: free, ProbeAddress: "localhost:0"}, 2, 0, 1},
		{"both at one address", Endpoints{MetricsAddress: free, ProbeAddress: free}, 1, 0, 0},
		{"without metrics", Endpoints{MetricsAddress: Off, ProbeAddress: free}, 1, -1, 0},
		{"without probes", Endpoints{MetricsAddress: free, ProbeAddress: Off}, 1, 0, -1},
		{"not at all", Endpoints{MetricsAddress: Off, ProbeAddress: Off}, 0, -1, -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			urls := serve(t, row.endpoints)
			if len(urls) != row.urls {
				t.Fatalf("it listens at %v, want %d addresses", urls, row.urls)
			}
			for i, url := range urls {
				for path, want := range map[string]bool{
					"/metrics": i == row.metrics,
					"/healthz": i == row.probes, "/livez": i == row.probes, "/readyz": i == row.probes,
					"/": false, "/debug/pprof/": false,
				} {
					if status, _ := get(t, url+path); (status == http.StatusOK) != want {
						t.Errorf("%s%s answers %d; served: want %v", url, path, status, want)
					}
				}
			}
			if row.metrics >= 0 {
				if _, body := get(t, urls[row.metrics]+"/metrics"); !strings.Contains(body, "kubemirror_build_info{") {
					t.Errorf("/metrics says %q", body)
				}
			}
		})
	}
}

func TestAProbeNamesTheChecksThatFail(t *testing.T) {
	url := serve(t, Endpoints{
		MetricsAddress: Off, ProbeAddress: "127.0.0.1:0",
		Live:  []Check{holds("lease")},
		Ready: []Check{holds("lease"), fails("caches"), fails("discovery")},
	})[0]
	for _, row := range []struct {
		path   string
		status int
		body   string
	}{
		{"/healthz", http.StatusOK, "ok"},
		{"/livez", http.StatusOK, "ok"},
		{"/readyz", http.StatusInternalServerError, "[-]caches failed\n[-]discovery failed\nreadyz check failed\n"},
	} {
		if status, body := get(t, url+row.path); status != row.status || body != row.body {
			t.Errorf("%s answers %d %q, want %d %q", row.path, status, body, row.status, row.body)
		}
	}
}

func TestAnAddressThatCannotBeOpenedIsAnErrorAtStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for name, address := range map[string]string{
		"one that is taken": taken.Addr().String(), "none": "", "one without a port": "localhost", "no address": "not an address:x",
	} {
		_, err := New("1.2.3", "abcdef").Listen(t.Context(), Endpoints{MetricsAddress: "127.0.0.1:0", ProbeAddress: address})
		if err == nil || !strings.Contains(err.Error(), "listen for probes") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that says for what", name, err)
		}
	}
}

func TestARequestUnderWayIsAnsweredBeforeTheServerEnds(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := New("1.2.3", "abcdef").Listen(ctx, Endpoints{MetricsAddress: Off, ProbeAddress: "127.0.0.1:0",
		Live: []Check{{"slow", func() error { close(entered); <-leave; return nil }}}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	answered := make(chan string, 1)
	go func() {
		_, body := get(t, "http://"+s.listeners[0].Addr().String()+"/livez")
		answered <- body
	}()
	<-entered
	cancel()
	close(leave)
	if body := <-answered; body != "ok" {
		t.Errorf("it was answered %q", body)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
}
