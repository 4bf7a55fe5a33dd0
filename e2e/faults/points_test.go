package faults

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/faultproxy"
	"github.com/lukaszraczylo/kubemirror/e2e/oracle"
)

// mirrors are the watches of mirrors.
var mirrors = faultproxy.Watches{Selector: domain + "mirror"}

// absent ends the names of faults after which the process isn't started again before the
// next step has happened.
const absent = "-absent"

// afresh are the faults after which the process is started again before the next step:
// client-go waits longer and longer between two tries of a watch that breaks often, up to
// half a minute, and there is nothing to be learnt from that.
var afresh = []string{"cut", "unanswered", "mirrors-expired", "mirrors-expired-late", "all-expired-twice"}

// faults are what befalls a write, by name.
var faults = map[string]faultproxy.Fault{
	"killed":              faultproxy.Killed,
	"killed-after":        faultproxy.KilledAfter,
	"killed-absent":       faultproxy.Killed,
	"killed-after-absent": faultproxy.KilledAfter,
	"lands-after-death":   faultproxy.LandsAfterDeath,
	"cut":                 faultproxy.Cut,
	"unanswered":          faultproxy.Unanswered,
	"answered-late":       faultproxy.AnsweredLate,
	"late":                faultproxy.Late,
	"conflict":            faultproxy.Conflict,
	"too-many":            faultproxy.TooMany,
	"broken":              faultproxy.Broken,
	"away":                faultproxy.Away,
	"timed-out":           faultproxy.TimedOut,

	"mirrors-expired":      faultproxy.Expired(mirrors, 1),
	"mirrors-expired-late": faultproxy.ExpiredLate(mirrors),
	"mirrors-frozen":       faultproxy.Frozen(mirrors),
	"all-expired-twice":    faultproxy.Expired(faultproxy.Watches{}, 20),
	"all-frozen":           faultproxy.Frozen(faultproxy.Watches{}),
}

// run is the scenario with something that befalls the n-th write of each step.
type run struct {
	name string
	at   func(step int) (fault string, nth int)
}

// always has the same fault befall the write of the same number of each step.
func always(fault string, nth int) run {
	return run{fmt.Sprintf("%s/%d", fault, nth), func(int) (string, int) { return fault, nth }}
}

// never is the scenario as it goes by itself.
var never = run{"never", func(int) (string, int) { return "", 1 }}

// mixed has another fault in each step, at one of the first writes.
func mixed(n int) run {
	names := slices.Sorted(maps.Keys(faults))
	return run{fmt.Sprintf("mixed/%d", n), func(step int) (string, int) {
		return names[(step+5*n)%len(names)], 1 + (step+n)%3
	}}
}

// tally counts what has befallen what, over all runs.
type tally struct {
	mu    sync.Mutex
	fired map[string]int
	// most is the highest number of writes of one step, slowest the longest time that one
	// took to converge, and which that was.
	most    int
	slowest time.Duration
	which   string
}

// add counts a step that a fault has befallen, if it has, and what the step took.
func (c *tally) add(step, fault string, fired bool, writes int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fired {
		c.fired[fault]++
	}
	c.most = max(c.most, writes)
	if took > c.slowest {
		c.slowest, c.which = took, step
	}
}

func (c *tally) String() string {
	var text []string
	total := 0
	for _, name := range slices.Sorted(maps.Keys(c.fired)) {
		text = append(text, fmt.Sprint(name, " ", c.fired[name]))
		total += c.fired[name]
	}
	return fmt.Sprintf("%d points (%s), the slowest, %s, converged after %v", total, strings.Join(text, ", "), c.which, c.slowest.Round(100*time.Millisecond))
}

// play plays the scenario once.
func play(t *testing.T, r run, c *tally) {
	w := newWorld(t, places...)
	j := &journal{world: w, begin: w.env.Mark(), sources: map[oracle.Place]bool{}}
	dead := false // since the step before
	for i, s := range scenario {
		fault, nth := r.at(i)
		if dead {
			fault = "" // what the step before has left to do is done now too
		}
		if only := os.Getenv("STEP"); only != "" && only != strconv.Itoa(i+1) {
			fault = ""
		}
		name := fmt.Sprintf("step %d, %s (FAULTS=%s WRITE=%d)", i+1, s.name, fault, nth)
		armed := w.proxy
		armed.Arm(nth, nil, faults[fault])
		j.next(name, s.remakes || dead && scenario[i-1].remakes)
		s.do(w)
		j.changed()
		begin := time.Now()
		if dead = strings.HasSuffix(fault, absent) && i < len(scenario)-1 && w.settle(name); !dead {
			w.converge(name)
		}
		writes := armed.Writes()
		c.add(name, fault, armed.Fired(), len(writes), time.Since(begin))
		if armed.Fired() && slices.Contains(afresh, fault) {
			w.km.Kill()
			w.start()
		}
		if fault == "" {
			t.Logf("%s: %v", name, writes)
		}
	}
	j.judge()
}

// sample is what CI plays.
const sample = 3

// chosen are the runs that the environment asks for: FAULTS has names of faults, or all;
// WRITE has the numbers of some writes.
func chosen(most int) (runs []run) {
	names := os.Getenv("FAULTS")
	if names == "" {
		for n := range sample {
			runs = append(runs, mixed(n))
		}
		return runs
	}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		if names != "all" && !slices.Contains(strings.Split(names, ","), fault) {
			continue
		}
		for nth := 1; nth <= most; nth++ {
			if writes := os.Getenv("WRITE"); writes == "" || slices.Contains(strings.Split(writes, ","), strconv.Itoa(nth)) {
				runs = append(runs, always(fault, nth))
			}
		}
	}
	return runs
}

// TestI2WhateverBefallsAWriteAllIsAsItShouldBeInTheEnd plays the scenario once to count
// its writes, and then with each fault at each. A point is one write of one step that a
// fault has befallen; after each, all converges before the next step, so that one run
// has many.
func TestI2WhateverBefallsAWriteAllIsAsItShouldBeInTheEnd(t *testing.T) {
	t.Parallel()
	c := &tally{fired: map[string]int{}}
	begin := time.Now()
	if !t.Run(never.name, func(t *testing.T) { play(t, never, c) }) {
		return
	}
	t.Logf("%d steps, at most %d writes in one, in %v", len(scenario), c.most, time.Since(begin).Round(time.Second))
	runs := chosen(c.most)
	t.Run("each", func(t *testing.T) {
		for _, r := range runs {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				play(t, r, c)
			})
		}
	})
	t.Logf("%d runs, %v, in %v", len(runs), c, time.Since(begin).Round(time.Second))
	if len(c.fired) == 0 {
		t.Error("nothing has befallen any write")
	}
}
