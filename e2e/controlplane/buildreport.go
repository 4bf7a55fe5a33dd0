package controlplane

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// report turns the output of "go build -v", a line a package, into a line now
// and then for a person who waits.
type report struct {
	progress io.Writer
	what     string
	start    time.Time
	stop     chan struct{}
	stopped  sync.WaitGroup

	mu     sync.Mutex
	output bytes.Buffer
}

func newReport(progress io.Writer, what string) *report {
	r := &report{progress: progress, what: what, start: time.Now(), stop: make(chan struct{})}
	_, _ = fmt.Fprintf(progress, "control plane: building %s from source; this happens once and takes minutes\n", what)
	r.stopped.Go(func() {
		ticker := time.NewTicker(15 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-r.stop:
				return
			case <-ticker.C:
				_, _ = fmt.Fprintf(progress, "control plane: building %s: %d packages compiled, %s\n",
					what, r.lines(), time.Since(r.start).Round(time.Second))
			}
		}
	})
	return r
}

// Write takes the build's output.
func (r *report) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.Write(b)
}

func (r *report) lines() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Count(r.output.Bytes(), []byte("\n"))
}

// tail is the end of the build's output.
func (r *report) tail() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(r.output.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

func (r *report) end(built bool) {
	close(r.stop)
	r.stopped.Wait()
	if built {
		_, _ = fmt.Fprintf(r.progress, "control plane: built %s in %s\n", r.what, time.Since(r.start).Round(time.Second))
	}
}
