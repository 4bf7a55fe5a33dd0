package discovery

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// source is a metadata client of one resource that streams no lists, as servers
// before Kubernetes 1.32, and whose watch the test writes to.
type source struct {
	metadata.Getter
	mu       sync.Mutex
	err      error // refuses every request
	requests int
	watch    *watch.RaceFreeFakeWatcher
}

func (s *source) Resource(schema.GroupVersionResource) metadata.Getter { return s }

func (*source) IsWatchListSemanticsUnSupported() bool { return true }

func (s *source) List(context.Context, metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	return &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}, s.err
}

func (s *source) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.err != nil {
		return nil, s.err
	}
	s.watch = watch.NewRaceFreeFake()
	return s.watch, nil
}

// refuse makes every further request fail, or work again with nil, and returns
// how many there were so far.
func (s *source) refuse(err error) (requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return s.requests
}

// watched runs a trigger on the source until the test ends.
func watched(t *testing.T, s *source, groups map[string]bool) (bell, ktesting.Underlier) {
	t.Helper()
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true), ktesting.Verbosity(0)))
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), logger))
	t.Cleanup(cancel)
	trigger := trigger{s, triggers[0], groups, 5 * time.Minute, newBell(), newYoung()}
	go trigger.run(ctx)
	synctest.Wait()
	return trigger.bell, logOf(t, logger)
}

func rung(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func named(name string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "2"}}
}

func TestAnEventRingsTheBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		bell, _ := watched(t, s, nil)
		if !rung(bell.relisted) || rung(bell.changed) {
			t.Error("the first list must ring as a list, and not as an event")
		}
		for _, event := range []func(){
			func() { s.watch.Add(named("foos.example.com")) },
			func() { s.watch.Modify(named("foos.example.com")) },
			func() { s.watch.Delete(named("foos.example.com")) },
		} {
			event()
			synctest.Wait()
			if !rung(bell.changed) {
				t.Error("an event did not ring")
			}
		}
	})
}

func TestWhatWasJustCreatedRingsOnceItsKindTakesObjects(t *testing.T) {
	for _, row := range []struct {
		name  string
		age   time.Duration // by our clock
		at    time.Duration // into a second
		rings time.Duration // after the event
	}{
		{"old", newborn + time.Second, 0, 0},
		{"new, at the beginning of a second", 0, 0, settled - quiet},
		{"new, at the end of a second", 0, 900 * time.Millisecond, settled - 900*time.Millisecond - quiet},
		{"established some time after it was created", time.Second, 200 * time.Millisecond, settled - 200*time.Millisecond - quiet},
		{"from the future, by a clock that is late", -time.Hour, 0, settled - quiet},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				bell, _ := watched(t, s, nil)
				after(row.at)
				created := named("foos.example.com")
				created.CreationTimestamp = metav1.NewTime(time.Now().Add(-row.age))
				s.watch.Modify(created)
				if row.rings > 0 {
					after(row.rings - time.Millisecond)
					if rung(bell.changed) {
						t.Error("it rang too early")
					}
					after(time.Millisecond)
				}
				synctest.Wait()
				if !rung(bell.changed) {
					t.Errorf("it did not ring after %v", row.rings)
				}
				s.watch.Delete(created)
				synctest.Wait()
				if !rung(bell.changed) {
					t.Error("its deletion did not ring at once")
				}
			})
		})
	}
}

func TestOnlyTheGroupsOfNamedTypesRing(t *testing.T) {
	for _, row := range []struct {
		name   string
		object string
		rings  bool
	}{
		{"a definition in a named group", "foos.example.com", true},
		{"an API service of a named group", "v1.example.com", true},
		{"the API service of the core group", "v1.", true},
		{"a definition in another group", "foos.example.org", false},
		{"a definition in a group below a named one", "foos.more.example.com", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				bell, _ := watched(t, s, map[string]bool{"": true, "example.com": true})
				s.watch.Add(named(row.object))
				synctest.Wait()
				if got := rung(bell.changed); got != row.rings {
					t.Errorf("%s rang: %v, want %v", row.object, got, row.rings)
				}
			})
		})
	}
}

func TestAWatchThatIsRefusedIsLoggedOnceAndTriedAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forbidden := apierrors.NewForbidden(triggers[0].GroupResource(), "", errors.New("no right to list it"))
		s := &source{err: forbidden}
		bell, log := watched(t, s, nil)
		after(time.Hour)
		before := s.refuse(forbidden)
		after(time.Hour)
		if requests := s.refuse(forbidden) - before; requests > 12 {
			t.Errorf("%d requests in an hour of refusal, want at most one each interval", requests)
		}
		text := strings.TrimSpace(log.GetBuffer().String())
		if strings.Count(text, "\n") > 0 || !strings.Contains(text, "no right to list it") {
			t.Errorf("logged %q, want one line that says why", text)
		}
		s.refuse(nil)
		after(8 * time.Minute)
		if !rung(bell.relisted) {
			t.Error("the watch did not begin once it was granted")
		}
	})
}

func TestAnOutageIsOverSoonAndRings(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
	}{
		{"a refused connection", syscall.ECONNREFUSED},
		{"too many requests", apierrors.NewTooManyRequests("busy", 1)},
		{"a server error", apierrors.NewGenericServerResponse(http.StatusBadGateway, "get", schema.GroupResource{}, "", "", 0, true)},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{}
				bell, log := watched(t, s, nil)
				after(time.Hour)
				rung(bell.relisted)
				s.refuse(row.err)
				s.watch.Stop()
				after(time.Hour)
				if rung(bell.relisted) {
					t.Fatal("rang during the outage")
				}
				if lines := strings.Count(log.GetBuffer().String(), "\n"); lines > 2 {
					t.Errorf("the outage made %d log lines:\n%s", lines, log.GetBuffer().String())
				}
				s.refuse(nil)
				after(time.Minute)
				if !rung(bell.relisted) {
					t.Error("a minute after the outage there was no list")
				}
			})
		})
	}
}

func TestATriggerStopsAtOnceDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{err: syscall.ECONNREFUSED}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			trigger{s, triggers[0], nil, 5 * time.Minute, newBell(), newYoung()}.run(ctx)
		}()
		after(time.Hour)
		cancel()
		synctest.Wait()
		select {
		case <-stopped:
		default:
			t.Error("it goes on after the context has ended")
		}
	})
}
