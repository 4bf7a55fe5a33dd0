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

// TestChaos plays histories one after the other for CHAOS_SECONDS, from CHAOS_SEED on; one
// of them where nothing is said. One that fails is played again and again with fewer and smaller steps, until the fewest are
// found that fail; rapid prints them.
func TestChaos(t *testing.T) {
	t.Parallel()
	seconds, seed := numberIn(t, "CHAOS_SECONDS", 0), numberIn(t, "CHAOS_SEED", 1)
	setFlag(t, "rapid.checks", "1")
	setFlag(t, "rapid.nofailfile", "true")
	for begin := time.Now(); ; seed++ {
		setFlag(t, "rapid.seed", fmt.Sprint(seed))
		rapid.Check(t, func(rt *rapid.T) { chaos(t, rt) })
		if t.Failed() || time.Since(begin) >= time.Duration(seconds)*time.Second {
			t.Logf("CHAOS_SEED=%d was the last", seed)
			return
		}
	}
}

// numberIn is the number in a variable of the environment, or the one for where it is empty.
func numberIn(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
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
