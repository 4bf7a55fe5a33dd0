package leader

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// notice is how long a holder that nothing answers takes to give up: the elector
// counts from the first try after a renewal. takeover is how long a standby takes
// to see that the Lease is free, at most: it looks at times of its own choice.
const (
	notice   = renewal + retryPeriod + renewDeadline
	takeover = retryPeriod * 22 / 10 // 1 + leaderelection.JitterFactor
	// renewal is the longest time between two renewals.
	renewal = renewPeriod + retryPeriod
)

// process is one that stands for the Lease of an api, in a bubble of simulated time.
type process struct {
	*leaderelection.HealthzAdaptor
	t        *testing.T
	term     Term
	stop     context.CancelFunc
	work     chan error    // makes the work return by itself
	drain    time.Duration // how long the work goes on after its context has ended
	mu       sync.Mutex
	working  bool
	returned bool
	err      error
	leading  []bool
}

// stand starts a process whose work runs until it is told to end.
func stand(t *testing.T, a *api, identity string, drain time.Duration) *process {
	t.Helper()
	p := &process{t: t, work: make(chan error), drain: drain, HealthzAdaptor: leaderelection.NewLeaderHealthzAdaptor(0)}
	config := Config{
		Lease: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: "ns", Name: "lease"},
			Client:     seenBy{api: a, who: identity},
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		Health:    p.HealthzAdaptor,
		Term:      &p.term,
		OnLeading: func(leading bool) { p.note(func() { p.leading = append(p.leading, leading) }) },
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	p.stop = stop
	go func() {
		err := Run(ctx, config, p.do)
		p.note(func() { p.returned, p.err = true, err })
	}()
	synctest.Wait()
	return p
}

func (p *process) do(ctx context.Context) (err error) {
	p.note(func() { p.working = true })
	defer p.note(func() { p.working = false })
	select {
	case err := <-p.work:
		return err
	case <-ctx.Done():
		time.Sleep(p.drain)
		return nil
	}
}

func (p *process) note(what func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what()
}

// expect checks where the process is in its life.
func (p *process) expect(when string, working, returned bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.working != working || p.returned != returned {
		p.t.Fatalf("%s: working %v, want %v; returned %v, want %v (%v)", when, p.working, working, p.returned, returned, p.err)
	}
}

func (p *process) result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// after lets simulated time pass and everything in it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTheFirstProcessHoldsTheLeaseAndTheSecondWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		first := stand(t, a, "first", 0)
		second := stand(t, a, "second", 0)
		after(time.Hour)
		first.expect("after an hour, the first", true, false)
		second.expect("after an hour, the second", false, false)
		holder, spec, _ := a.spec()
		if holder != "first" || *spec.LeaseDurationSeconds != 15 || *spec.LeaseTransitions != 0 {
			t.Errorf("the lease says %q, %ds, %d transitions", holder, *spec.LeaseDurationSeconds, *spec.LeaseTransitions)
		}
		if age := time.Since(spec.RenewTime.Time); age > renewal {
			t.Errorf("it was renewed %s ago", age)
		}
		if held := time.Since(spec.AcquireTime.Time); held != time.Hour {
			t.Errorf("it was acquired %s ago, want an hour", held)
		}
		for _, p := range []*process{first, second} {
			if err := p.Check(nil); err != nil {
				t.Errorf("Check says %v", err)
			}
		}
	})
}

func TestTheLeaseIsReleasedOnlyAfterTheWorkHasDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		first := stand(t, a, "first", time.Minute)
		second := stand(t, a, "second", 0)
		first.stop()
		after(59 * time.Second)
		first.expect("while it drains, the first", true, false)
		second.expect("while the first drains, the second", false, false)
		after(time.Second)
		first.expect("when it has drained, the first", false, true)
		if err := first.result(); err != nil {
			t.Errorf("it returned %v", err)
		}
		after(takeover)
		second.expect("soon after the release, the second", true, false)
		if holder, spec, _ := a.spec(); holder != "second" || *spec.LeaseTransitions != 1 {
			t.Errorf("the lease says %q after %d transitions", holder, *spec.LeaseTransitions)
		}
		if want := []bool{true, false}; !slices.Equal(first.leading, want) {
			t.Errorf("the first was said to lead: %v, want %v", first.leading, want)
		}
	})
}

func TestAProcessThatDiedIsSucceededWhenItsLeaseHasRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		first := stand(t, a, "first", 0)
		second := stand(t, a, "second", 0)
		after(time.Minute)
		a.befall(func(ctx context.Context, who string) error {
			if who == "first" {
				<-ctx.Done() // cut off
			}
			return ctx.Err()
		})
		after(notice - time.Millisecond)
		second.expect("before the first has given up, the second", false, false)
		after(leaseDuration - retryPeriod)
		first.expect("cut off, the first", false, true)
		second.expect("after the lease has run out, the second", true, false)
	})
}

func TestALostLeaseEndsTheWork(t *testing.T) {
	for _, row := range []struct {
		name   string
		befall func(a *api)
		within time.Duration
		says   string
	}{
		{"when every renewal fails",
			func(a *api) { a.befall(func(context.Context, string) error { return errors.New("refused") }) },
			notice, "refused"},
		{"when every renewal hangs",
			func(a *api) { a.befall(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }) },
			notice, "deadline exceeded"},
		{"when another process has taken it",
			func(a *api) { a.edit(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("thief") }) },
			renewal, "thief holds it"},
		{"when somebody has emptied it",
			func(a *api) { a.edit(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = nil }) },
			renewal, "nobody holds it"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &api{}
				p := stand(t, a, "first", 0)
				after(time.Minute)
				row.befall(a)
				after(row.within)
				p.expect("in time", false, true)
				err := p.result()
				if !errors.Is(err, ErrLost) {
					t.Fatalf("it returned %v", err)
				}
				if !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "ns/lease") {
					t.Errorf("it returned %q", err)
				}
			})
		})
	}
}

func TestWorkThatDoesNotEndIsNotWaitedForBeyondTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := stand(t, a, "first", time.Hour)
		after(time.Minute)
		a.befall(func(context.Context, string) error { return errors.New("refused") })
		after(notice)
		p.expect("after the renew deadline", true, false)
		after(leaseDuration - notice)
		p.expect("when the lease has run out", true, true)
		if !errors.Is(p.result(), ErrLost) {
			t.Errorf("it returned %v", p.result())
		}
		after(time.Hour) // the work belongs to the bubble
	})
}

func TestALeaseIsNotLostToWhatAHolderCanOutlive(t *testing.T) {
	for _, row := range []struct {
		name   string
		befall func(a *api)
	}{
		{"a short outage", func(a *api) {
			a.befall(func(context.Context, string) error { return errors.New("refused") })
			after(renewDeadline - renewal - time.Second)
			a.befall(nil)
		}},
		{"a request that hangs", func(a *api) {
			hung := false
			a.befall(func(ctx context.Context, _ string) error {
				if hung {
					return ctx.Err()
				}
				hung = true
				<-ctx.Done()
				return ctx.Err()
			})
		}},
		{"a label on the lease", func(a *api) {
			a.edit(func(l *coordinationv1.Lease) { l.Labels = map[string]string{"team": "a"} })
		}},
		{"the deletion of the lease", (*api).drop},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &api{}
				p := stand(t, a, "first", 0)
				after(time.Minute)
				row.befall(a)
				after(time.Minute)
				p.expect("a minute later", true, false)
				holder, spec, _ := a.spec()
				if age := time.Since(spec.RenewTime.Time); holder != "first" || age > renewal {
					t.Errorf("%q holds the lease, renewed %s ago", holder, age)
				}
			})
		})
	}
}

func TestWorkThatFailsReleasesTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := stand(t, a, "first", 0)
		broken := errors.New("broken")
		p.work <- broken
		synctest.Wait()
		p.expect("when its work has failed", false, true)
		if !errors.Is(p.result(), broken) {
			t.Errorf("it returned %v", p.result())
		}
		if holder, _, _ := a.spec(); holder != "" {
			t.Errorf("%q still holds the lease", holder)
		}
	})
}

func TestAReleaseThatFailsIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := stand(t, a, "first", 0)
		a.befall(func(context.Context, string) error { return errors.New("refused") })
		p.stop()
		synctest.Wait()
		p.expect("stopped", false, true)
		if err := p.result(); err == nil || !strings.Contains(err.Error(), "release lease ns/lease") {
			t.Errorf("it returned %v", err)
		}
	})
}

func TestAStandbyThatIsStoppedReturnsAtOnceAndWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		first := stand(t, a, "first", 0)
		second := stand(t, a, "second", 0)
		_, _, before := a.spec()
		second.stop()
		synctest.Wait()
		second.expect("stopped, the second", false, true)
		if err := second.result(); err != nil {
			t.Errorf("it returned %v", err)
		}
		if _, _, writes := a.spec(); writes != before {
			t.Errorf("it wrote %d times", writes-before)
		}
		first.expect("all the while, the first", true, false)
	})
}

func TestAHolderThatHangsIsUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := stand(t, a, "first", 0)
		after(time.Minute)
		a.befall(func(context.Context, string) error { // deaf to every time-out
			time.Sleep(time.Hour)
			return errors.New("too late")
		})
		after(leaseDuration)
		if err := p.Check(nil); err != nil {
			t.Errorf("before the lease has run out, Check says %v", err)
		}
		after(renewal) // the elector takes a renewal that was not due for one
		p.expect("hanging", true, false)
		if p.Check(nil) == nil {
			t.Error("Check is nil although the lease has run out")
		}
		after(3 * time.Hour) // the two requests of a try belong to the bubble
	})
}

func TestALeaseThatAnotherHasTakenIsNotReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := stand(t, a, "first", 0)
		a.edit(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("thief") })
		p.stop() // before the next renewal would have shown it
		synctest.Wait()
		p.expect("stopped", false, true)
		if holder, _, _ := a.spec(); holder != "thief" {
			t.Errorf("the lease is held by %q", holder)
		}
	})
}

func TestALeaseThatWasTakenWhileTheProcessStoppedIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		stand(t, a, "before", 0).stop()
		synctest.Wait()
		requests := 0
		a.befall(func(ctx context.Context, who string) error {
			if requests++; requests != 2 { // one that reads, and one that writes
				return ctx.Err()
			}
			a.edit(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = &who })
			<-ctx.Done() // it is done, but nobody hears of it
			return ctx.Err()
		})
		p := stand(t, a, "first", 0)
		p.stop()
		synctest.Wait()
		p.expect("stopped", false, true)
		if err := p.result(); err != nil {
			t.Errorf("it returned %v", err)
		}
		if holder, _, _ := a.spec(); holder != "" {
			t.Errorf("%q still holds the lease", holder)
		}
	})
}
