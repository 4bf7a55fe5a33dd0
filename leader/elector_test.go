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
)

// process is one that stands for the Lease of an api, in a bubble of simulated time.
type process struct {
	*Elector
	t        *testing.T
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
	p := &process{t: t, work: make(chan error), drain: drain}
	var err error
	p.Elector, err = New(Config{
		Leases: seenBy{a, identity}, Namespace: "ns", Name: "lease", Identity: identity,
		OnLeading: func(leading bool) { p.note(func() { p.leading = append(p.leading, leading) }) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	p.stop = stop
	go func() {
		err := p.Run(ctx, p.do)
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
		if age := time.Since(spec.RenewTime.Time); age > DefaultRetryPeriod {
			t.Errorf("it was renewed %s ago", age)
		}
		if held := time.Since(spec.AcquireTime.Time); held != time.Hour {
			t.Errorf("it was acquired %s ago, want an hour", held)
		}
		for _, p := range []*process{first, second} {
			if err := p.Check(); err != nil {
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
		after(3 * time.Second)
		second.expect("soon after the release, the second", true, false)
		if holder, spec, _ := a.spec(); holder != "second" || *spec.LeaseTransitions != 1 {
			t.Errorf("the lease says %q after %d transitions", holder, *spec.LeaseTransitions)
		}
		if want := []bool{false, true, false}; !slices.Equal(first.leading, want) {
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
		after(DefaultRenewDeadline - time.Millisecond)
		second.expect("before the first has given up, the second", false, false)
		after(DefaultLeaseDuration)
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
			DefaultRenewDeadline, "refused"},
		{"when every renewal hangs",
			func(a *api) { a.befall(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }) },
			DefaultRenewDeadline, "deadline exceeded"},
		{"when another process has taken it",
			func(a *api) { a.edit(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("thief") }) },
			DefaultRetryPeriod, "thief holds it"},
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
				if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "ns/lease") {
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
		after(DefaultRenewDeadline)
		p.expect("after the renew deadline", true, false)
		after(DefaultLeaseDuration - DefaultRenewDeadline)
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
			after(DefaultRenewDeadline - DefaultRetryPeriod - time.Second)
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
				if age := time.Since(spec.RenewTime.Time); holder != "first" || age > DefaultRetryPeriod {
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
		p := stand(t, &api{}, "first", 0)
		p.setRenewed(time.Now().Add(-DefaultLeaseDuration - time.Second))
		if p.Check() == nil {
			t.Error("Check is nil although the lease has run out")
		}
	})
}

func TestNewRefusesAConfigThatCannotWork(t *testing.T) {
	good := Config{Leases: seenBy{&api{}, ""}, Namespace: "ns", Name: "lease", Identity: "me"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no identity":                                func(c *Config) { c.Identity = "" },
		"no namespace":                               func(c *Config) { c.Namespace = "" },
		"a lease that ends before the deadline":      func(c *Config) { c.LeaseDuration = 5 * time.Second },
		"a lease of less than a second":              func(c *Config) { c.LeaseDuration = 15500 * time.Millisecond },
		"a deadline that leaves no time for a retry": func(c *Config) { c.RetryPeriod = 5 * time.Second },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
