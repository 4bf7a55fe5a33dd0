package controller

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func TestEventsAboutOneObjectAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newEventLimits()
		about := func(uid string) (allowed int) {
			for range 200 {
				if l.allow(types.UID(uid)) {
					allowed++
				}
			}
			return allowed
		}
		for _, uid := range []string{"a", "b"} {
			if n := about(uid); n != eventsOfObject {
				t.Errorf("%d events about %s", n, uid)
			}
		}
		time.Sleep(5 * time.Minute)
		if n := about("a"); n != 1 {
			t.Errorf("%d events about the first one after five minutes", n)
		}
	})
}

// One source whose mistakes change all the time made 145 events in 25 seconds.
func TestASourceThatIsWrongInAnotherWayAllTheTimeMakesNoFloodOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Ready(configMapsType)
		for n := range 200 {
			r.say(fmt.Sprintf("bad;%d", n), func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
			r.work()
			time.Sleep(statusPeriod)
			r.rest()
		}
		if r.events < 2 || r.events > eventsOfObject+2 {
			t.Errorf("%d events", r.events)
		}
	})
}
