package kubemirror

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

// Config says how to run kubemirror.
type Config struct {
	// Binary is the program (see Build).
	Binary string
	// Name tells this process from others; its log is Dir/Name.log.
	Name string
	// Dir takes the log.
	Dir string
	// Kubeconfig is the file it connects by; empty leaves the choice to the
	// program.
	Kubeconfig string
	// Flags are added to those that this package sets: metrics and probes on
	// loopback, on ports that the system picks.
	Flags []string
	// Env is added to our environment; each entry is KEY=value.
	Env []string
}

// Kubemirror is a process that was started.
type Kubemirror struct {
	*process.Process
}

// Start runs kubemirror. See Ready for when it is of use.
func Start(c Config) (*Kubemirror, error) {
	args := []string{"--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0"}
	if c.Kubeconfig != "" {
		args = append(args, "--kubeconfig="+c.Kubeconfig)
	}
	p, err := process.Start(process.Config{
		Name: c.Name,
		Path: c.Binary,
		Args: append(args, c.Flags...),
		Env:  c.Env,
		Log:  filepath.Join(c.Dir, c.Name+".log"),
	})
	if err != nil {
		return nil, err
	}
	return &Kubemirror{p}, nil
}

// What one log line says of an address, as klog's text or as JSON:
//
//	... "Serving" endpoints="probes" address="127.0.0.1:34567"
//	{..., "msg":"Serving", "endpoints":"probes", "address":"127.0.0.1:34567"}
var (
	servingEndpoints = regexp.MustCompile(`\bendpoints"?[=:]"(\w+)"`)
	servingAddress   = regexp.MustCompile(`\baddress"?[=:]"([^"]+)"`)
)

// Address reads from the log where the process serves "metrics" or "probes";
// empty while it has not said so.
func (k *Kubemirror) Address(endpoints string) string {
	for line := range strings.Lines(k.Log()) {
		if !strings.Contains(line, `"Serving"`) {
			continue
		}
		what, where := servingEndpoints.FindStringSubmatch(line), servingAddress.FindStringSubmatch(line)
		if what != nil && where != nil && what[1] == endpoints {
			return where[1]
		}
	}
	return ""
}

// Ready waits until /readyz answers 200. It fails when the process ends before
// that, or ctx does; the error shows the end of the log.
func (k *Kubemirror) Ready(ctx context.Context) error {
	for {
		err := k.readyNow(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-k.Done():
			return fmt.Errorf("%s ended with exit code %d before it was ready; its log ends:\n%s", k.Name(), k.ExitCode(), k.LogTail(20))
		case <-ctx.Done():
			return fmt.Errorf("wait until %s is ready: %w; its log ends:\n%s", k.Name(), err, k.LogTail(20))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (k *Kubemirror) readyNow(ctx context.Context) error {
	code, body, err := k.Probe(ctx, "/readyz")
	if err == nil && code != http.StatusOK {
		return fmt.Errorf("/readyz says %d: %s", code, body)
	}
	return err
}

// Probe asks one of the probes, /readyz for instance, and returns the code and
// the text of its answer.
func (k *Kubemirror) Probe(ctx context.Context, path string) (int, string, error) {
	return k.get(ctx, "probes", path)
}

// get asks one of the servers of the process.
func (k *Kubemirror) get(ctx context.Context, endpoints, path string) (int, string, error) {
	address := k.Address(endpoints)
	if address == "" {
		return 0, "", fmt.Errorf("%s has not logged yet where it serves its %s", k.Name(), endpoints)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s for %s: %w", k.Name(), path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read the answer of %s to %s: %w", k.Name(), path, err)
	}
	return response.StatusCode, string(body), nil
}
