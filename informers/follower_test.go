package informers

import (
	"testing"
	"time"
)

// follower is a handler that hears how far the watch has come.
type follower struct{ handler }

func (f follower) Reached(resourceVersion string) { f.say("reached %s", resourceVersion) }

func TestAFollowerIsToldHowFarItHasComeByTheEndOfEachListAndBookmark(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		defer running(t, New("things", s.selection("role=x"), asIs, follower{handler{recorder: r}}, r.failing))()
		r.expectInAnyOrder(t, "the first list", "a@2", "b@3", "reached 4")
		s.put(object("d", ""))
		s.bookmark()
		r.expect(t, "a bookmark", "reached 5")
		s.hangUp(func() {
			s.remove("b")
			s.forget()
		})
		time.Sleep(time.Minute)
		r.expectInAnyOrder(t, "a new list", "a@2", "b gone at 3", "reached 7")
	})
}
