package tests

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestChaos plays histories one after the other for CHAOS_SECONDS, from CHAOS_SEED on. One
// that fails is played again and again with fewer and smaller steps, until the fewest are
// found that fail; rapid prints them.
func TestChaos(t *testing.T) {
	seconds, err := strconv.Atoi(os.Getenv("CHAOS_SECONDS"))
	if err != nil {
		t.Skip("make chaos runs it")
	}
	seed, err := strconv.ParseUint(os.Getenv("CHAOS_SEED"), 10, 64)
	if err != nil {
		t.Fatalf("CHAOS_SEED=%q is not a number", os.Getenv("CHAOS_SEED"))
	}
	setFlag(t, "rapid.checks", "1")
	setFlag(t, "rapid.nofailfile", "true")
	last := seed
	for begin := time.Now(); time.Since(begin) < time.Duration(seconds)*time.Second && !t.Failed(); seed++ {
		setFlag(t, "rapid.seed", fmt.Sprint(seed))
		last = seed
		rapid.Check(t, func(rt *rapid.T) { chaos(t, rt) })
	}
	t.Logf("CHAOS_SEED=%d was the last", last)
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

// chaos plays one history.
func chaos(t *testing.T, rt *rapid.T) {
	p := &part{TB: t, rt: rt}
	defer p.end()
	h := newHistory(p, t, []int{1, 3}[rapid.IntRange(0, 1).Draw(rt, "three replicas")])
	h.random = draws{rt}
	defer func() { rt.Logf("its steps:\n%s", strings.Join(h.steps, "\n")) }()
	h.play()
}

// draws are choices that rapid makes, and makes smaller.
type draws struct{ rt *rapid.T }

func (d draws) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.rt, "choice") }

// part is a test for a history that may fail without ending the whole: rapid plays it again.
type part struct {
	testing.TB
	rt       *rapid.T
	cleanups []func()
}

func (p *part) Helper()                   {}
func (p *part) Failed() bool              { return p.rt.Failed() }
func (p *part) Cleanup(f func())          { p.cleanups = append(p.cleanups, f) }
func (p *part) Logf(f string, a ...any)   { p.rt.Logf(f, a...) }
func (p *part) Log(a ...any)              { p.rt.Log(a...) }
func (p *part) Errorf(f string, a ...any) { p.rt.Errorf(f, a...) }
func (p *part) Error(a ...any)            { p.rt.Error(a...) }
func (p *part) Fatalf(f string, a ...any) { p.rt.Fatalf(f, a...) }
func (p *part) Fatal(a ...any)            { p.rt.Fatal(a...) }

func (p *part) end() {
	for _, f := range slices.Backward(p.cleanups) {
		f()
	}
}
