package controller

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestEventsAreBoundedByObjectAndByNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newEventLimits()
		about := func(namespace, uid string) (allowed int) {
			for range 200 {
				if l.allow(subject{Identity: mirror.Identity{Namespace: namespace, UID: types.UID(uid)}}) {
					allowed++
				}
			}
			return allowed
		}
		if n := about("evil", "a"); n != eventsOfObject {
			t.Errorf("%d events about one object", n)
		}
		all := eventsOfObject
		for n := range 50 {
			all += about("evil", fmt.Sprint(n))
		}
		if all != eventsInNamespace {
			t.Errorf("%d events about one namespace's objects", all)
		}
		if n := about("good", "b"); n != eventsOfObject {
			t.Errorf("%d events about another's object", n)
		}
		time.Sleep(5 * time.Minute)
		if n := about("evil", "a"); n != 1 {
			t.Errorf("%d events about the first one after five minutes", n)
		}
	})
}
