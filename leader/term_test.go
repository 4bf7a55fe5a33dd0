package leader

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAReleasedLeaseIsTakenWithinASecondByOneOfMany(t *testing.T) {
	for range 20 { // when a standby looks is chance
		synctest.Test(t, func(t *testing.T) {
			a := &api{}
			first := stand(t, a, "first", 0)
			standbys := []*process{stand(t, a, "second", 0), stand(t, a, "third", 0)}
			after(time.Minute)
			first.stop()
			after(time.Second - time.Millisecond)
			working := 0
			for _, p := range standbys {
				p.note(func() {
					if p.working {
						working++
					}
				})
			}
			if working != 1 {
				t.Errorf("%d work a second after the release", working)
			}
		})
	}
}

func TestALeaseIsNotWrittenMoreOftenThanItHasToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		stand(t, a, "first", 0)
		stand(t, a, "second", 0)
		_, _, before := a.spec()
		after(time.Hour)
		_, _, writes := a.spec()
		if most := int(time.Hour / renewPeriod); writes-before > most || writes-before < most*8/10 {
			t.Errorf("%d writes in an hour, want %d at most, and not many less", writes-before, most)
		}
	})
}

func TestATermEndsWithTheLeaseThoughNobodyHasNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		second := stand(t, a, "standby", 0)
		second.stop()
		p := stand(t, a, "first", 0)
		after(time.Minute)
		if p.term.Over() {
			t.Error("it is over though the lease is held")
		}
		a.befall(func(context.Context, string) error { // deaf to every time-out
			time.Sleep(time.Hour)
			return errors.New("too late")
		})
		after(leaseDuration - renewal)
		if p.term.Over() {
			t.Error("it is over before the lease has run out")
		}
		after(renewal)
		p.expect("hanging", true, false)
		if !p.term.Over() {
			t.Error("it is not over though the lease has run out")
		}
		after(3 * time.Hour) // the two requests of a try belong to the bubble
	})
}

func TestATermThatNeverBeganHasNoEnd(t *testing.T) {
	if (&Term{}).Over() {
		t.Error("it is over")
	}
}
