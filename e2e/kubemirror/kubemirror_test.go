package kubemirror_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// asStandIn makes this test binary play kubemirror: its value is the format of
// the line that says where it serves, or "ends" for one that ends at once.
const asStandIn = "KUBEMIRROR_TEST_STAND_IN"

const (
	textLine = `I0102 03:04:05.678901    4242 server.go:42] "Serving" endpoints="%s" address="%s"`
	jsonLine = `{"ts":1,"caller":"metrics/server.go:42","msg":"Serving","v":0,"endpoints":"%s","address":"%s"}`
)

const metrics = `# HELP reconcile_total how often
# TYPE reconcile_total counter
reconcile_total{controller="source",result="success"} 3
reconcile_total{controller="source",result="error"} 1
reconcile_total{controller="mirror",result="success"} 1.5e+01
reconcile_total_other 7
leader 1
`

func TestMain(m *testing.M) {
	switch format := os.Getenv(asStandIn); format {
	case "":
		os.Exit(m.Run())
	case "ends":
		fmt.Println("no cluster here")
		os.Exit(2)
	default:
		standIn(format)
	}
}

// standIn serves probes and metrics as kubemirror does, until SIGTERM.
func standIn(format string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "ok") })
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, metrics) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	for _, endpoints := range []string{"metrics", "probes"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Printf(format+"\n", endpoints, listener.Addr())
		go func() { _ = server.Serve(listener) }()
	}
	fmt.Println(strings.Join(os.Args[1:], " "))
	<-ctx.Done()
	stop()
	os.Exit(0)
}

func start(t *testing.T, format string, flags ...string) *kubemirror.Kubemirror {
	t.Helper()
	k, err := kubemirror.Start(kubemirror.Config{
		Binary: os.Args[0], Name: "one", Dir: t.TempDir(), Kubeconfig: "/some/file",
		Flags: flags, Env: []string{asStandIn + "=" + format},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Kill)
	return k
}

func TestAProcessIsSeenFromOutside(t *testing.T) {
	for name, format := range map[string]string{"text log": textLine, "JSON log": jsonLine} {
		t.Run(name, func(t *testing.T) {
			k := start(t, format, "--max-targets=5")
			if err := k.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, flag := range []string{"--health-probe-bind-address=127.0.0.1:0", "--kubeconfig=/some/file", "--max-targets=5"} {
				if !strings.Contains(k.Log(), flag) {
					t.Errorf("it was run without %s: %s", flag, k.Log())
				}
			}
			m, err := k.Metrics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				want   float64
				name   string
				labels []string
			}{
				{19, "reconcile_total", nil},
				{18, "reconcile_total", []string{`result="success"`}},
				{1, "reconcile_total", []string{`result="error"`, `controller="source"`}},
				{1, "leader", nil},
				{0, "nothing", nil},
			} {
				if got := m.Sum(c.name, c.labels...); got != c.want {
					t.Errorf("%s%v = %v, want %v", c.name, c.labels, got, c.want)
				}
			}
			if m.Has("nothing") || !m.Has("leader") {
				t.Error("Has is wrong on what there is")
			}
			if code, err := k.Stop(10 * time.Second); code != 0 || err != nil {
				t.Errorf("Stop = %d, %v", code, err)
			}
		})
	}
}

func TestAProcessThatEndsIsNotWaitedFor(t *testing.T) {
	err := start(t, "ends").Ready(t.Context())
	if err == nil || !strings.Contains(err.Error(), "exit code 2") || !strings.Contains(err.Error(), "no cluster here") {
		t.Errorf("Ready = %v; want the exit code and the log", err)
	}
}
