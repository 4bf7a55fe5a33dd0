package informers

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// What is logged is of interest only to a test that catches it.
func TestMain(m *testing.M) {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	m.Run()
}

// recorder writes down what it is told, one line each.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// told gives what was said since the last time.
func (r *recorder) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// expect waits until all rests, and compares what was said.
func (r *recorder) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := r.told(); !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", when, got, want)
	}
}

// expectInAnyOrder is expect for what two goroutines say.
func (r *recorder) expectInAnyOrder(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	got := slices.Sorted(slices.Values(r.told()))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q, in any order", when, got, want)
	}
}

// handler is a recorder's ear for one informer.
type handler struct {
	*recorder
	prefix string
}

func (h handler) Set(obj any) { h.say("%s%s", h.prefix, named(obj)) }

func (h handler) Gone(name types.NamespacedName, _ types.UID, resourceVersion string) {
	h.say("%s%s gone at %s", h.prefix, name.Name, resourceVersion)
}

// named is an object's name and resource version.
func named(obj any) string {
	m, err := meta.Accessor(obj)
	if err != nil {
		return err.Error()
	}
	return m.GetName() + "@" + m.GetResourceVersion()
}

func (r *recorder) failing(err error) {
	if err == nil {
		r.say("works")
	} else {
		r.say("fails: %v", err)
	}
}

func asIs(obj any) (any, error) { return obj, nil }

// running runs an informer until the returned function is called, which waits.
func running(t *testing.T, i *Informer) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func synced(i *Informer) bool {
	select {
	case <-i.Synced():
		return true
	default:
		return false
	}
}

// logged catches what is logged during a test.
func logged(t *testing.T) func() string {
	log := &lockedBuffer{}
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })
	return log.String
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
