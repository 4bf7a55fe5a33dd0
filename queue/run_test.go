package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// running runs a queue until the returned function is called, which waits.
func running(t *testing.T, q *Queue[string], workers int, handle func(context.Context, string) error) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.Run(ctx, t.Context(), workers, handle)
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestAThousandKeysOfOneGroupDelayAnothersSingleKeyByATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("", letters(0, 0), nil)
		var served []string
		for n := range 1000 {
			q.Add(fmt.Sprintf("a%d", n))
		}
		defer running(t, q, 1, func(_ context.Context, key string) error {
			served = append(served, key)
			time.Sleep(time.Second)
			return nil
		})()
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if n := len(served); n != 3 {
			t.Errorf("%d keys were served, want 3", n)
		}
		q.Add("b1")
		q.Add("b1")
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := slices.Index(served, "b1"); n != 4 { // a0 a1 a2 are served or being served, a3 has the turn
			t.Errorf("the single key was served as number %d", n)
		}
		if len(served) != 1001 {
			t.Errorf("%d keys were served", len(served))
		}
	})
}

func TestAGroupHasItsShareOfTheWorkersAtATime(t *testing.T) {
	for workers, share := range map[int]int{1: 1, 5: 2, 10: 2, 20: 4} {
		synctest.Test(t, func(t *testing.T) {
			q := New("", letters(0, GroupShare(workers)), nil)
			var mu sync.Mutex
			busy, most, served := map[string]int{}, map[string]int{}, 0
			for n := range 1000 {
				q.Add(fmt.Sprintf("a%d", n))
			}
			defer running(t, q, workers, func(_ context.Context, key string) error {
				group := letter(key)
				mu.Lock()
				busy[group]++
				most[group] = max(most[group], busy[group])
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				busy[group]--
				served++
				mu.Unlock()
				return nil
			})()
			time.Sleep(10500 * time.Millisecond)
			synctest.Wait()
			q.Add("b1")
			synctest.Wait()
			mu.Lock()
			if workers > 1 && busy["b"] != 1 {
				t.Errorf("with %d workers, another group's key waits", workers)
			}
			mu.Unlock()
			time.Sleep(time.Hour)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if most["a"] != share || served != 1001 {
				t.Errorf("with %d workers, %d keys were served, so many of a group at a time: %v", workers, served, most)
			}
		})
	}
}

func TestAKeyIsWorkedOnByOneAtATimeAndAgainIfAddedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("", letters(0, 0), nil)
		begin, end := 0, 0
		release := make(chan struct{})
		defer running(t, q, 8, func(context.Context, string) error {
			begin++
			<-release
			end++
			return nil
		})()
		expect := func(when string, wantBegin, wantEnd int) {
			t.Helper()
			synctest.Wait()
			if begin != wantBegin || end != wantEnd {
				t.Errorf("%s: begun %d times and ended %d times, want %d and %d", when, begin, end, wantBegin, wantEnd)
			}
		}
		q.Add("a1")
		expect("added", 1, 0)
		q.Add("a1")
		q.Add("a1")
		expect("added twice while it is worked on", 1, 0)
		release <- struct{}{}
		expect("the first is done", 2, 1)
		release <- struct{}{}
		expect("the second is done", 2, 2)
	})
}

func TestNoAddIsLostAmongManyWorkers(t *testing.T) {
	const keys, adds = 20, 200
	q := New("", letters(0, 0), nil)
	var (
		mu            sync.Mutex
		wanted, found = map[string]int{}, map[string]int{}
		busy          = map[string]bool{}
		up            = make(chan struct{}, 1)
	)
	stop := running(t, q, 8, func(_ context.Context, key string) error {
		mu.Lock()
		if busy[key] {
			t.Errorf("%s is worked on by two", key)
		}
		busy[key] = true
		seen := wanted[key]
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		busy[key] = false
		found[key] = seen
		for _, n := range found {
			if n != adds {
				return nil
			}
		}
		if len(found) == keys {
			select {
			case up <- struct{}{}:
			default:
			}
		}
		return nil
	})
	defer stop()
	for range adds {
		for n := range keys {
			key := fmt.Sprintf("%c%d", 'a'+n%3, n)
			mu.Lock()
			wanted[key]++
			mu.Unlock()
			q.Add(key)
		}
	}
	select {
	case <-up:
	case <-time.After(10 * time.Second):
		t.Errorf("what was added last was not seen: %v", found)
	}
}

func TestAKeyThatFailsComesBackLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var want []time.Duration
		for d := 500 * time.Millisecond; d < 5*time.Minute; d *= 2 {
			want = append(want, d)
		}
		want = append(want, 5*time.Minute, 5*time.Minute, 5*time.Minute)

		q := New("", letters(0, 0), nil)
		var at []time.Time
		defer running(t, q, 2, func(_ context.Context, key string) error {
			if key == "b1" {
				return nil
			}
			at = append(at, time.Now())
			if len(at) == len(want)+1 { // a success in between
				return nil
			}
			return errors.New("no")
		})()
		q.Add("a1")
		q.Add("b1")
		time.Sleep(time.Hour)
		synctest.Wait()
		var delays []time.Duration
		for n := range len(at) - 1 {
			delays = append(delays, at[n+1].Sub(at[n]))
		}
		if !slices.Equal(delays, want) {
			t.Errorf("it came back after %v, want %v", delays, want)
		}

		q.Add("a1")
		time.Sleep(700 * time.Millisecond)
		synctest.Wait()
		if n := len(at); n != len(want)+3 || at[n-1].Sub(at[n-2]) != 500*time.Millisecond {
			t.Errorf("after a success it is not as new: tried at %v", at)
		}
	})
}

func TestAKeyAddedForLaterComesThenAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("", letters(0, 0), nil)
		start := time.Now()
		var after []time.Duration
		defer running(t, q, 1, func(context.Context, string) error {
			after = append(after, time.Since(start))
			return nil
		})()
		q.AddAfter("a1", time.Minute)
		q.AddAfter("a1", 2*time.Minute)
		q.AddAfter("a1", 30*time.Second)
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(after, []time.Duration{30 * time.Second}) {
			t.Errorf("it came after %v", after)
		}
	})
}

func TestRunEndsWhenTheKeysInHandAreDoneAndDropsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("", letters(0, 0), nil)
		ctx, cancel := context.WithCancel(t.Context())
		finish, cut := context.WithCancel(t.Context())
		var begun []string
		var ended []error
		returned := false
		go func() {
			q.Run(ctx, finish, 2, func(ctx context.Context, key string) error {
				if key[0] == 'x' {
					return errors.New("to be tried again")
				}
				begun = append(begun, key)
				select {
				case <-time.After(time.Duration(len(begun)) * time.Minute):
				case <-ctx.Done():
				}
				ended = append(ended, ctx.Err())
				return ctx.Err()
			})
			returned = true
		}()
		q.Add("x1")
		synctest.Wait()
		q.AddAfter("x2", time.Second)
		q.Add("a1")
		synctest.Wait()
		q.Add("b1")
		synctest.Wait()
		q.Add("c1")
		q.Add("a1") // again after the one in hand: dropped too
		cancel()
		synctest.Wait()
		q.Add("d1")
		q.AddAfter("d2", time.Second)
		if returned {
			t.Fatal("it returned with keys in hand")
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if len(ended) != 1 || ended[0] != nil {
			t.Errorf("the first key in hand was cut off: %v", ended)
		}
		if returned {
			t.Fatal("it returned with a key in hand")
		}
		cut()
		synctest.Wait()
		if len(ended) != 2 || ended[1] == nil {
			t.Errorf("the other key in hand was not told to finish: %v", ended)
		}
		if !returned {
			t.Error("it didn't return")
		}
		if !slices.Equal(begun, []string{"a1", "b1"}) {
			t.Errorf("worked on %v", begun)
		}
	})
}

func TestAQueueThatStopsBeforeItBeginsDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("", letters(0, 0), nil)
		q.Add("a1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		q.Run(ctx, t.Context(), 3, func(context.Context, string) error {
			t.Error("it works")
			return nil
		})
	})
}

func TestAThousandKeysThatATenantIsChargedWithDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 5
		q := New("", letters(TenantShare(workers), GroupShare(workers)), nil)
		var mu sync.Mutex
		begun := map[string]time.Time{}
		for n := range 1000 {
			q.AddCharged(fmt.Sprintf("good:a%d", n), "evil")
		}
		defer running(t, q, workers, func(_ context.Context, key string) error {
			mu.Lock()
			begun[key] = time.Now()
			mu.Unlock()
			time.Sleep(time.Second)
			return nil
		})()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if n := len(begun); n != 2 {
			t.Errorf("%d were worked on, want one a second", n)
		}
		for _, key := range []string{"good:b1", "evil:b1"} {
			q.Add(key)
		}
		q.Add("good:a999") // the one's own wish after all
		added := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		for _, key := range []string{"good:b1", "evil:b1"} {
			if waited := begun[key].Sub(added); waited != 0 {
				t.Errorf("%s waited for %s", key, waited)
			}
		}
		if waited := begun["good:a999"].Sub(added); waited != 0 {
			t.Errorf("what was charged and is not any more waited for %s", waited)
		}
		if len(begun) != 1002 {
			t.Errorf("%d keys were served", len(begun))
		}
	})
}
