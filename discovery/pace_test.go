package discovery

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	ms = time.Millisecond
	s1 = time.Second
)

// every returns times that are a step apart.
func every(step, from, to time.Duration) (times []time.Duration) {
	for at := from; at <= to; at += step {
		times = append(times, at)
	}
	return times
}

// play lets changes happen at these times and returns when refreshes happened until
// the end, all counted from the start.
func (h *house) play(until time.Duration, changes []time.Duration) []time.Duration {
	began := time.Now()
	for _, at := range changes {
		after(time.Until(began.Add(at)))
		h.change()
	}
	after(time.Until(began.Add(until)))
	return h.seen().refreshes
}

func TestChangesAreGatheredIntoRefreshes(t *testing.T) {
	for _, row := range []struct {
		name    string
		changes []time.Duration
		want    []time.Duration
	}{
		{"no change, no refresh but the first", nil, []time.Duration{0}},
		{"one change leads to a refresh and a recheck", []time.Duration{10 * s1},
			[]time.Duration{0, 11 * s1, 15 * s1}},
		{"a refresh waits for more changes", []time.Duration{10 * s1, 10*s1 + 100*ms, 10*s1 + 900*ms},
			[]time.Duration{0, 11 * s1, 15 * s1}},
		{"but not for more than a second", every(300*ms, 10*s1, 11*s1+500*ms),
			[]time.Duration{0, 11 * s1, 12*s1 + 200*ms, 16*s1 + 200*ms}},
		{"a change before the recheck begins anew", []time.Duration{10 * s1, 12 * s1},
			[]time.Duration{0, 11 * s1, 13 * s1, 17 * s1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, "", serving("Secret"), nil)
				if got := h.play(time.Minute, row.changes); !slices.Equal(got, row.want) {
					t.Errorf("refreshes at %v, want %v", got, row.want)
				}
			})
		})
	}
}

func TestRefreshesWithoutChangesFollowTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refreshes := start(t, "", serving("Secret"), nil).play(time.Hour, nil)
		if len(refreshes) < 10 {
			t.Errorf("%d refreshes in an hour", len(refreshes))
		}
		for i := range len(refreshes) - 1 {
			if gap := refreshes[i+1] - refreshes[i]; gap < 5*time.Minute || gap > 330*s1 {
				t.Errorf("refresh %d came %v after the one before", i+2, gap)
			}
		}
	})
}

func TestFailuresAreRetriedWithBackoff(t *testing.T) {
	for _, row := range []struct {
		name     string
		served   serverResources
		err      error
		longest  time.Duration // the longest gap
		inAnHour [2]int        // the fewest and the most refreshes
	}{
		{"up to half a minute where all fails", serverResources{}, errors.New("down"), 33 * s1, [2]int{110, 130}},
		{"up to the interval where an API group fails", failing(serving("Secret"), schema.GroupVersion{Group: "example.com", Version: "v1"}), nil, 330 * s1, [2]int{17, 23}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refreshes := start(t, "", row.served, row.err).play(time.Hour, nil)
				if n := len(refreshes); n < row.inAnHour[0] || n > row.inAnHour[1] {
					t.Errorf("%d refreshes in an hour, want %v", n, row.inAnHour)
				}
				if first := refreshes[1]; first < s1 || first > 1100*ms {
					t.Errorf("the first retry comes after %v, want about a second", first)
				}
				for i := range len(refreshes) - 1 {
					if gap := refreshes[i+1] - refreshes[i]; gap > row.longest {
						t.Errorf("refresh %d came %v after the one before", i+2, gap)
					}
				}
			})
		})
	}
}

func TestARetryThatSucceedsReturnsToTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serverResources{}, errors.New("down"))
		after(5 * s1) // two retries
		h.serve(serving("Secret"), nil)
		refreshes := h.play(9*time.Minute, nil)
		if len(refreshes) != 5 || refreshes[4]-refreshes[3] < 5*time.Minute {
			t.Errorf("refreshes at %v, want the start, three retries and an interval later one more", refreshes)
		}
	})
}

func TestAStatusThatFlapsDoesNotLeadToAHotLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refreshes := start(t, "", serving("Secret"), nil).play(time.Hour, every(3*s1, s1, time.Hour))
		if n := len(refreshes); n > unchangedBurst+int(time.Hour/throttled)+2 {
			t.Errorf("%d refreshes in an hour", n)
		}
		if len(refreshes) < 100 {
			t.Errorf("%d refreshes in an hour: a type that appears amid the noise would not be seen", len(refreshes))
		}
	})
}

func TestARefreshThatFindsAChangeEndsTheRestraint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, "", serving("Secret"), nil)
		before := h.play(2*time.Minute, every(3*s1, s1, 2*time.Minute))
		h.serve(serving("Secret", "Service"), nil)
		after(throttled)
		if len(h.seen().calls) != 2 {
			t.Fatalf("after %d refreshes for nothing, a new type is not found within %v", len(before), throttled)
		}
		after(time.Minute)
		n := len(h.seen().refreshes)
		h.change()
		after(debounce)
		if got := len(h.seen().refreshes) - n; got != 1 {
			t.Errorf("after one that found a change, a change leads to %d refreshes within %v", got, debounce)
		}
	})
}
