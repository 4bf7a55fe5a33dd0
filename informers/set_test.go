package informers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestSyncStartsWhatIsNewAndStopsWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples, pears)
		c.servers[apples].put(object("a", "source"))
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{apples})
		c.expect(t, "a type appears", "source apples a@2", "ready v1 apples")
		set.Sync(t.Context(), []schema.GroupVersionResource{pears, apples, pears})
		c.expect(t, "another one appears")
		if open := c.open(); open != "apples[role=mirror role=source]pears[role=source]" {
			t.Errorf("open: %s", open)
		}
		set.Sync(t.Context(), []schema.GroupVersionResource{pears})
		if open := c.open(); open != "pears[role=source]" {
			t.Errorf("open as soon as Sync returns: %s", open)
		}
		c.expect(t, "the first one goes, and its objects are not said to be gone", "forget v1 apples")
		c.servers[apples].put(object("a", "source"))
		c.servers[apples].put(object("m", "mirror"))
		time.Sleep(time.Hour)
		c.expect(t, "what happens to it is no news any more")
		set.Sync(t.Context(), []schema.GroupVersionResource{pears, apples})
		c.expectInAnyOrder(t, "it comes back", "source apples a@3", "mirror apples m@4", "ready v1 apples")
		set.Stop()
		c.expectInAnyOrder(t, "all stops", "forget v1 apples", "forget v1 pears")
		if open := c.open(); open != "" {
			t.Errorf("open after Stop: %s", open)
		}
		if quiet, _ := set.Quiet(); quiet != 0 || !set.Settled() {
			t.Error("a set without types isn't quiet and settled")
		}
	})
}

func TestATypeMovesToAnotherVersionOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(cherry1, cherry2)
		c.servers[cherry1].put(object("a", "source"))
		c.servers[cherry2].put(object("a", "source"))
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{cherry1})
		c.expect(t, "the first version", "source cherries a@2", "ready v1 cherries")
		c.observer.told()
		set.Sync(t.Context(), []schema.GroupVersionResource{cherry2})
		c.expect(t, "the second version", "forget v1 cherries", "source cherries a@2", "ready v2 cherries")
		set.Stop()
	})
}

func TestManyCallsOfSyncInARowEndWithWhatTheLastOneSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []schema.GroupVersionResource{apples, pears, cherry1}
		c := newCluster(all...)
		c.servers[apples].put(object("a", "source"))
		c.servers[pears].put(object("m", "mirror"))
		set := c.set()
		for i := range 200 {
			set.Sync(t.Context(), all[:i%4])
			if i%3 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		set.Sync(t.Context(), all[:2])
		synctest.Wait()
		if open := c.open(); open != "apples[role=mirror role=source]pears[role=mirror role=source]" {
			t.Errorf("open: %s", open)
		}
		for i, line := range c.told() {
			if strings.Contains(line, "gone") {
				t.Fatalf("line %d: %s", i, line)
			}
		}
		set.Stop()
	})
}

func TestNothingIsToldOfATypeAfterForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples)
		set := c.set()
		for i := range 50 {
			set.Sync(t.Context(), []schema.GroupVersionResource{apples})
			if i%2 == 0 {
				synctest.Wait()
			}
			for range 20 {
				c.servers[apples].put(object("a", "source"))
			}
			set.Sync(t.Context(), nil)
			lines := c.told()
			for n, line := range lines {
				if last := n == len(lines)-1; strings.HasPrefix(line, "forget") != last {
					t.Fatalf("round %d: %q", i, lines)
				}
			}
		}
		c.expect(t, "after the last")
	})
}

func TestTheEndOfTheContextStopsAllTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples, pears)
		c.servers[apples].put(object("a", "source"))
		set := c.set()
		ctx, cancel := context.WithCancel(t.Context())
		set.Sync(ctx, []schema.GroupVersionResource{apples, pears})
		synctest.Wait()
		c.told()
		cancel()
		c.expectInAnyOrder(t, "without Stop", "forget v1 apples", "forget v1 pears")
		set.Stop()
	})
}

func TestATypeThatCannotBeListedDoesNotHoldUpTheOthers(t *testing.T) {
	hang := func(request string) func(*server) {
		return func(s *server) { s.hang[request] = make(chan struct{}) }
	}
	refuse := func(err error) func(*server) {
		return func(s *server) { s.refuse = func(string) error { return err } }
	}
	rows := []struct {
		name    string
		pears   func(s *server)
		settled time.Duration
	}{
		{"one that works is settled at once", func(*server) {}, 0},
		{"one that has a source is settled at once", func(s *server) { s.put(object("a", "source")) }, 0},
		{"one that is refused is settled at once", refuse(forbidden("anything")), 0},
		{"one that nobody answers for is settled at once", refuse(errors.New("no route")), 0},
		{"one whose sources' list hangs is not waited for beyond a minute", hang("stream role=source"), time.Minute},
		{"one whose mirrors' list hangs is not waited for beyond a minute", func(s *server) {
			s.put(object("a", "source"))
			hang("stream role=mirror")(s)
		}, time.Minute},
		{"one where the question for mirrors hangs is not waited for beyond a minute", hang("any role=mirror"), time.Minute},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(apples, pears)
				c.servers[apples].put(object("a", "source"))
				row.pears(c.servers[pears])
				set := c.set()
				set.Sync(t.Context(), []schema.GroupVersionResource{pears, apples})
				defer set.Stop()
				synctest.Wait()
				if !strings.Contains(strings.Join(c.told(), ", "), "ready v1 apples") {
					t.Error("the other type isn't ready")
				}
				if settled := set.Settled(); settled != (row.settled == 0) {
					t.Errorf("settled at once: %t", settled)
				}
				time.Sleep(row.settled + 1)
				if !set.Settled() {
					t.Error("not settled in time")
				}
			})
		})
	}
}

func TestTheObserverIsToldOfTypesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged(t)
		c := newCluster(apples)
		s := c.servers[apples]
		s.put(object("a", "source"))
		refuse := func(prefixes ...string) {
			s.set(func() {
				s.refuse = func(request string) error {
					for _, what := range prefixes {
						if strings.HasSuffix(request, what) {
							return forbidden(what)
						}
					}
					return nil
				}
			})
			s.hangUp()
			time.Sleep(5 * time.Minute)
		}
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{apples})
		c.observer.expect(t, "all is well", "apples.fruit false")
		refuse("role=mirror")
		c.observer.expect(t, "the mirrors fail", "apples.fruit true")
		refuse("role=mirror", "role=source")
		c.observer.expect(t, "the sources too", "apples.fruit true")
		refuse("role=source")
		c.observer.expect(t, "the mirrors work again, the sources don't", "apples.fruit true")
		refuse()
		c.observer.expect(t, "all is well again", "apples.fruit false")
		refuse("role=mirror")
		c.observer.expect(t, "it fails", "apples.fruit true")
		set.Stop()
		c.observer.expect(t, "and goes", "apples.fruit gone")
		text := log()
		if n := strings.Count(text, "Can't watch this type"); n != 3 {
			t.Errorf("%d lines say that it fails, want 3:\n%s", n, text)
		}
		if n := strings.Count(text, "works again"); n != 2 {
			t.Errorf("%d lines say that it works again, want 2:\n%s", n, text)
		}
		if n := strings.Count(text, "rule=\"{apiGroups: ['fruit'], resources: [apples], verbs: [get, list, watch, create, update, patch, delete]}\""); n != 3 {
			t.Errorf("%d lines say what grants it, want 3:\n%s", n, text)
		}
		if !strings.Contains(text, "resource=apples.fruit role=mirrors") {
			t.Errorf("the type isn't named:\n%s", text)
		}
	})
}

func TestASetIsAsQuietAsItsQuietestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(apples, pears)
		c.servers[apples].put(object("a", "source"))
		set := c.set()
		set.Sync(t.Context(), []schema.GroupVersionResource{apples, pears})
		if quiet, resource := set.Quiet(); quiet != 0 {
			t.Errorf("at once: %s, %s", quiet, resource)
		}
		time.Sleep(time.Minute)
		c.servers[pears].bookmark()
		c.servers[apples].put(object("a", "source"))
		synctest.Wait()
		if quiet, resource := set.Quiet(); quiet != time.Minute || resource != apples {
			t.Errorf("the watch of mirrors hears nothing: %s, %s", quiet, resource)
		}
		c.servers[apples].bookmark()
		synctest.Wait()
		if quiet, resource := set.Quiet(); quiet != 0 {
			t.Errorf("all were heard: %s, %s", quiet, resource)
		}
		set.Stop()
	})
}
