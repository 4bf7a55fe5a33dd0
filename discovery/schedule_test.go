package discovery

import (
	"slices"
	"testing"
	"time"
)

const (
	ms = time.Millisecond
	s1 = time.Second
)

// play runs a schedule through simulated time up to until. It returns when looks
// happened, counted from the start; each ends at once, with the result that
// outcome gives for its number.
func play(interval, until time.Duration, events []time.Duration, outcome func(look int) result) []time.Duration {
	start := time.Unix(0, 0)
	s := newSchedule(interval, start)
	var looks []time.Duration
	now := start
	for {
		due := s.next()
		if due.Before(now) {
			due = now
		}
		if len(events) > 0 && !start.Add(events[0]).After(due) {
			now = start.Add(events[0])
			s.changed(now)
			events = events[1:]
			continue
		}
		if due.Sub(start) > until {
			return looks
		}
		now = due
		looks = append(looks, now.Sub(start))
		s.done(now, outcome(len(looks)))
	}
}

func always(r result) func(int) result { return func(int) result { return r } }

func TestEventsAreGatheredIntoLooks(t *testing.T) {
	every := func(step, from, to time.Duration) (events []time.Duration) {
		for at := from; at <= to; at += step {
			events = append(events, at)
		}
		return events
	}
	for _, row := range []struct {
		name   string
		events []time.Duration
		want   []time.Duration
	}{
		{"no event, no look but the first", nil, []time.Duration{0}},
		{"one event leads to a look and its follow-ups", []time.Duration{10 * s1},
			[]time.Duration{0, 10*s1 + 150*ms, 10*s1 + 400*ms, 11*s1 + 400*ms, 15*s1 + 400*ms}},
		{"a look waits until events pause", []time.Duration{10 * s1, 10*s1 + 100*ms, 10*s1 + 200*ms},
			[]time.Duration{0, 10*s1 + 350*ms, 10*s1 + 600*ms, 11*s1 + 600*ms, 15*s1 + 600*ms}},
		{"but not for more than a second", every(100*ms, 10*s1, 11*s1+500*ms),
			[]time.Duration{0, 11 * s1, 11*s1 + 650*ms, 11*s1 + 900*ms, 12*s1 + 900*ms, 16*s1 + 900*ms}},
		{"an event amid the follow-ups begins them anew", []time.Duration{10 * s1, 11 * s1},
			[]time.Duration{0, 10*s1 + 150*ms, 10*s1 + 400*ms, 11*s1 + 150*ms, 11*s1 + 400*ms, 12*s1 + 400*ms, 16*s1 + 400*ms}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := play(time.Hour, time.Minute, row.events, always(result{}))
			if !slices.Equal(got, row.want) {
				t.Errorf("looks at %v, want %v", got, row.want)
			}
		})
	}
}

func TestARelistLeadsToOneLook(t *testing.T) {
	start := time.Unix(0, 0)
	s := newSchedule(time.Hour, start)
	s.done(start, result{changed: true})
	s.relisted(start.Add(s1))
	if got := s.next().Sub(start); got != s1+quiet {
		t.Errorf("the look is due after %v, want %v", got, s1+quiet)
	}
	s.done(s.next(), result{})
	if got := s.next().Sub(start); got < time.Hour {
		t.Errorf("one more look is due after %v, want none before the interval", got)
	}
}

func TestLooksWithoutEventsFollowTheInterval(t *testing.T) {
	looks := play(5*time.Minute, time.Hour, nil, always(result{}))
	if len(looks) < 10 {
		t.Errorf("%d looks in an hour", len(looks))
	}
	for i := range len(looks) - 1 {
		if gap := looks[i+1] - looks[i]; gap < 5*time.Minute || gap > 330*s1 {
			t.Errorf("look %d came %v after the one before", i+2, gap)
		}
	}
}

func TestFailuresAreRetriedWithBackoff(t *testing.T) {
	for _, row := range []struct {
		name     string
		r        result
		longest  time.Duration // the longest gap
		inAnHour [2]int        // the fewest and the most looks
	}{
		{"up to half a minute where all fails", result{failed: true}, 33 * s1, [2]int{110, 130}},
		{"up to the interval where an API group fails", result{partly: true}, 330 * s1, [2]int{17, 23}},
	} {
		t.Run(row.name, func(t *testing.T) {
			looks := play(5*time.Minute, time.Hour, nil, always(row.r))
			if n := len(looks); n < row.inAnHour[0] || n > row.inAnHour[1] {
				t.Errorf("%d looks in an hour, want %v", n, row.inAnHour)
			}
			if first := looks[1]; first < s1 || first > 1100*ms {
				t.Errorf("the first retry comes after %v, want about a second", first)
			}
			for i := range len(looks) - 1 {
				if gap := looks[i+1] - looks[i]; gap > row.longest {
					t.Errorf("look %d came %v after the one before", i+2, gap)
				}
			}
		})
	}
}

func TestARetryThatSucceedsReturnsToTheInterval(t *testing.T) {
	looks := play(time.Hour, 90*time.Minute, nil, func(look int) result { return result{failed: look < 4} })
	if len(looks) != 5 || looks[4]-looks[3] < time.Hour {
		t.Errorf("looks at %v, want the start, three retries and an hour later one more", looks)
	}
}

func TestAStatusThatFlapsDoesNotLeadToAHotLoop(t *testing.T) {
	var flaps []time.Duration
	for at := s1; at < time.Hour; at += 3 * s1 {
		flaps = append(flaps, at)
	}
	looks := play(5*time.Minute, time.Hour, flaps, always(result{}))
	if n := len(looks); n > fruitlessMost+int(time.Hour/slow)+2 {
		t.Errorf("%d looks in an hour", n)
	}
	if len(looks) < 100 {
		t.Errorf("%d looks in an hour: a type that appears amid the noise would not be seen", len(looks))
	}
}

func TestALookThatFindsAChangeEndsTheRestraint(t *testing.T) {
	start := time.Unix(0, 0)
	s := newSchedule(time.Hour, start)
	now := start
	for range fruitlessMost + 1 {
		now = now.Add(s1)
		s.done(now, result{})
	}
	s.changed(now)
	if got := s.next().Sub(now); got != slow {
		t.Fatalf("after many looks for nothing the next is due after %v, want %v", got, slow)
	}
	now = s.next()
	s.done(now, result{changed: true})
	s.changed(now)
	if got := s.next().Sub(now); got != quiet {
		t.Errorf("after one that found a change the next is due after %v, want %v", got, quiet)
	}
}
