package informers

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestFailuresAreToldOnceEach(t *testing.T) {
	silent := func(string) error { return errors.New("connection reset") }
	closed := func(string) error { return os.NewSyscallError("connect", syscall.ECONNREFUSED) }
	forbids := func(request string) error { return forbidden(strings.Fields(request)[0]) }
	busy := func(string) error { return apierrors.NewTooManyRequests("storage is (re)initializing", 1) }
	onlyLists := func(request string) error {
		if strings.HasPrefix(request, "list") {
			return nil
		}
		return forbids(request)
	}
	const told = "fails: failed to list *v1.PartialObjectMetadata: things is forbidden: no list for you"
	rows := []struct {
		name    string
		answers []func(string) error // a quarter of an hour each
		want    []string
	}{
		{"a server that answers is no news", []func(string) error{nil}, nil},
		{"a type that is forbidden fails until it is allowed", []func(string) error{forbids, nil}, []string{told, "works"}},
		{"a server that doesn't answer fails until it does", []func(string) error{silent, nil}, []string{"fails: failed to list *v1.PartialObjectMetadata: connection reset", "works"}},
		{"a server that isn't there fails until it is", []func(string) error{closed, nil}, []string{"fails: connect: connection refused", "works"}},
		{"a server that is too busy fails until it isn't", []func(string) error{busy, nil}, []string{"fails: storage is (re)initializing", "works"}},
		{"a refusal after no answer is news", []func(string) error{silent, forbids, nil}, []string{"fails: failed to list *v1.PartialObjectMetadata: connection reset", told, "works"}},
		{"it fails, works, and fails again, now in resuming its watch", []func(string) error{forbids, nil, forbids}, []string{told, "works", "fails: things is forbidden: no watch for you"}},
		{"one that may be listed but not watched fails steadily", []func(string) error{onlyLists, nil}, []string{"fails: things is forbidden: no watch for you", "works"}},
	}
	for _, kind := range servers {
		for _, row := range rows {
			t.Run(row.name+", on "+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, r := newServer(), &recorder{}
					s.plain = kind.plain
					i := New("things", s.selection(""), asIs, handler{recorder: r}, r.failing)
					defer running(t, i)()
					for _, answer := range row.answers {
						s.set(func() { s.refuse = answer })
						s.hangUp(s.forget)
						time.Sleep(15 * time.Minute)
						synctest.Wait()
						if i.Failing() != (answer != nil) {
							t.Errorf("Failing is %t", i.Failing())
						}
					}
					r.expect(t, "in all", row.want...)
				})
			})
		}
	}
}

func TestAFailingWatchIsTriedAgainWithBackoff(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		s.refuse = func(string) error { return forbidden("anything") }
		log := logged(t)
		defer running(t, New("things", s.selection("role=x"), asIs, handler{recorder: r}, func(error) {}))()
		time.Sleep(time.Hour)
		if n := len(s.requests()); n < 120 || n > 800 {
			t.Errorf("%d requests in an hour", n)
		}
		if text := log(); text != "" {
			t.Errorf("each try is logged, of each type:\n%.300s", text)
		}
		s.set(func() { s.refuse = nil })
		time.Sleep(time.Minute)
		r.expectInAnyOrder(t, "allowed at last", "a@2", "b@3")
	})
}

func TestQuietIsTheTimeSinceTheServerWasHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		i := New("things", s.selection(""), asIs, handler{recorder: &recorder{}}, func(error) {})
		expect := func(when string, want time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := i.Quiet(); got != want {
				t.Errorf("%s: quiet for %s, want %s", when, got, want)
			}
		}
		expect("before it runs", 0)
		time.Sleep(time.Hour)
		release := make(chan struct{})
		s.hang["stream "] = release
		defer running(t, i)()
		expect("when it starts", 0)
		time.Sleep(time.Minute)
		expect("no answer comes", time.Minute)
		close(release)
		expect("the answer comes", 0)
		time.Sleep(3 * time.Minute)
		expect("nothing comes", 3*time.Minute)
		s.bookmark()
		expect("a bookmark comes", 0)
		time.Sleep(time.Minute)
		s.put(object("a", ""))
		expect("an object comes", 0)
		time.Sleep(time.Minute)
		s.remove("a")
		expect("it goes", 0)
		time.Sleep(time.Minute)
		s.hangUp()
		expect("the watch is opened again", 0)
		time.Sleep(time.Minute)
		s.set(func() { s.refuse = func(string) error { return forbidden("anything") } })
		s.hangUp()
		expect("even a refusal is a word", 0)
		s.set(func() { s.refuse = nil })
		time.Sleep(time.Minute)
		s.set(func() { s.hang["watch "] = make(chan struct{}) })
		s.hangUp()
		time.Sleep(time.Hour)
		if q := i.Quiet(); q < time.Hour {
			t.Errorf("a watch that hangs is quiet for %s", q)
		}
	})
}
