package informers

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The mirrors of a type are watched from the first moment that there can be any.

func TestATypeThatNobodyUsesCostsOneWatchAndOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples)
		c.servers[apples].put(object("other", "none"))
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{apples})
		defer set.Stop()
		c.expectRequests(t, "at start", "apples any role=mirror", "apples stream role=source")
		for range 10 {
			time.Sleep(time.Minute)
			c.servers[apples].bookmark()
		}
		c.expectRequests(t, "at rest")
		c.expect(t, "in all")
		if !set.Settled() {
			t.Error("it isn't settled")
		}
	})
}

func TestMirrorsAreWatchedFromTheFirstUseOn(t *testing.T) {
	const probe = "any role=mirror"
	rows := []struct {
		name string
		// before and after are what is done before the start and 10 s after it.
		before, after func(s *server)
		asked         []string // of the probe and the mirrors' watch
		told          []string
	}{
		{
			name:   "with a source that is there at start, without asking",
			before: func(s *server) { s.put(object("a", "source")) },
			asked:  []string{"stream role=mirror"},
			told:   []string{"source apples a@2", "ready v1 apples"},
		},
		{
			name:   "with a mirror that is there at start, source or no source",
			before: func(s *server) { s.put(object("m", "mirror")) },
			asked:  []string{probe, "stream role=mirror"},
			told:   []string{"mirror apples m@2", "ready v1 apples"},
		},
		{
			name:  "with the first source that comes",
			after: func(s *server) { s.put(object("a", "source")); s.put(object("b", "source")) },
			asked: []string{probe, "stream role=mirror"},
			told:  []string{"source apples a@2", "source apples b@3", "ready v1 apples"},
		},
		{
			name:  "with a source that goes before it is looked at",
			after: func(s *server) { s.put(object("a", "source")); s.remove("a") },
			asked: []string{probe, "stream role=mirror"},
			told:  []string{"source apples a@2", "source apples a gone at 3", "ready v1 apples"},
		},
		{
			name:   "with a source that comes while the question hangs",
			before: func(s *server) { s.hang[probe] = make(chan struct{}) },
			after:  func(s *server) { s.put(object("a", "source")) },
			asked:  []string{probe, "stream role=mirror"},
			told:   []string{"source apples a@2", "ready v1 apples"},
		},
		{
			name: "with a source that comes while the question is refused",
			before: func(s *server) {
				s.refuse = func(request string) error {
					if request == probe {
						return forbidden("question")
					}
					return nil
				}
			},
			after: func(s *server) { s.put(object("a", "source")) },
			asked: []string{probe, probe, probe, probe, "stream role=mirror"},
			told:  []string{"source apples a@2", "ready v1 apples"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(apples)
				s := c.servers[apples]
				if row.before != nil {
					row.before(s)
				}
				set := c.set()
				set.Sync(t.Context(), []schema.GroupVersionResource{apples})
				defer set.Stop()
				time.Sleep(10 * time.Second)
				synctest.Wait()
				start := time.Now()
				if row.after != nil {
					row.after(s)
				}
				c.expectInAnyOrder(t, "told at once", row.told...)
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %s", took)
				}
				asked := count(s.requests())
				want := count(append(row.asked, "stream role=source"))
				// How often a question is asked again within 10 s is left to chance.
				if want[probe] > 1 && asked[probe] > 1 {
					want[probe] = asked[probe]
				}
				if len(asked) != len(want) {
					t.Errorf("asked %v, want %v", asked, want)
				}
				for request, n := range want {
					if asked[request] != n {
						t.Errorf("asked %v, want %v", asked, want)
					}
				}
			})
		})
	}
}

func count(list []string) map[string]int {
	n := map[string]int{}
	for _, item := range list {
		n[item]++
	}
	return n
}

func TestReadyIsSaidOnceAndAfterBothLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples)
		s := c.servers[apples]
		s.put(object("a", "source"))
		s.put(object("m", "mirror"))
		release := make(chan struct{})
		s.hang["stream role=mirror"] = release
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{apples})
		defer set.Stop()
		c.expect(t, "while the mirrors' list is on its way", "source apples a@2")
		if set.Settled() {
			t.Error("it is settled before the mirrors are listed")
		}
		close(release)
		c.expect(t, "when it has arrived", "mirror apples m@3", "ready v1 apples")
		if !set.Settled() {
			t.Error("it isn't settled")
		}
		s.hangUp(s.forget)
		time.Sleep(time.Minute)
		c.expectInAnyOrder(t, "after another list of both", "source apples a@2", "mirror apples m@3")
	})
}

func TestMirrorsAreWatchedLateIfTheQuestionIsAnsweredLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged(t)
		c := newCluster(apples)
		s := c.servers[apples]
		s.put(object("m", "mirror"))
		s.refuse = func(request string) error {
			if request == "any role=mirror" {
				return errors.New("no answer")
			}
			return nil
		}
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{apples})
		defer set.Stop()
		time.Sleep(time.Hour)
		c.expect(t, "while there is no answer")
		if n := len(s.requests()); n > 150 {
			t.Errorf("%d requests in an hour", n)
		}
		if !set.Settled() {
			t.Error("it holds up the others")
		}
		if text := log(); len(text) == 0 || len(text) > 500 {
			t.Errorf("one line is to say so, not %q", text)
		}
		s.set(func() { s.refuse = nil })
		time.Sleep(time.Minute)
		c.expect(t, "when there is one", "mirror apples m@2", "ready v1 apples")
	})
}

// beginner is a handler that says what was there at the start.
type beginner struct{ handler }

func (b beginner) SetAtStart(obj any) { b.say("%sat the start %s", b.prefix, named(obj)) }

func TestAHandlerIsToldWhatWasThereAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples)
		c.servers[apples].put(object("a", "source"))
		i := New("apples", Selection{Metadata: clients{c}, Resource: apples, Labels: "role=source"}, asIs, &firstUse{beginner{handler{&c.recorder, ""}}, func() {}}, c.failing)
		defer running(t, i)()
		c.expect(t, "at the start", "at the start a@2")
		c.servers[apples].put(object("b", "source"))
		c.servers[apples].put(object("a", "source"))
		c.expect(t, "later", "b@3", "a@4")
		c.servers[apples].hangUp(func() {
			c.servers[apples].put(object("c", "source"))
			c.servers[apples].forget()
		})
		time.Sleep(time.Minute)
		if told := c.told(); !slices.Contains(told, "c@5") || slices.ContainsFunc(told, func(line string) bool { return strings.HasPrefix(line, "at the start") }) {
			t.Errorf("behind a list that was asked for anew: %q", told)
		}
	})
}
