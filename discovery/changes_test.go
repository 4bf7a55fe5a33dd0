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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// resource is a resource of which the test has the objects, and whose watch it
// writes to. Unless it streams, it is that of a server before Kubernetes 1.32.
type resource struct {
	streams bool
	mu      sync.Mutex
	err     error // refuses every request
	tries   int   // lists, and watches that bring a list
	objects []definition
	watch   *watch.RaceFreeFakeWatcher
}

func (r *resource) listWatch() *cache.ListWatch {
	return &cache.ListWatch{ListWithContextFunc: r.List, WatchFuncWithContext: r.Watch}
}

func (r *resource) List(context.Context, metav1.ListOptions) (runtime.Object, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	list := &definitionList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
	list.Items = append(list.Items, r.objects...)
	return list, r.err
}

func (r *resource) Watch(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	if options.SendInitialEvents != nil && !r.streams {
		return nil, apierrors.NewInvalid(schema.GroupKind{}, "", nil)
	}
	r.watch = watch.NewRaceFreeFake()
	if options.SendInitialEvents != nil {
		r.tries++
		for _, object := range r.objects {
			r.watch.Add(&object)
		}
		end := &definition{}
		end.ResourceVersion, end.Annotations = "1", map[string]string{metav1.InitialEventsAnnotationKey: "true"}
		r.watch.Action(watch.Bookmark, end)
	}
	return r.watch, nil
}

// refuse makes every further request fail, or work again with nil, and returns
// how often it was tried so far.
func (r *resource) refuse(err error) (tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	return r.tries
}

// watched runs an informer on the resource until the test ends.
func watched(t *testing.T, r *resource, groups map[string]bool) (*changes, ktesting.Underlier) {
	t.Helper()
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true), ktesting.Verbosity(0)))
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), logger))
	informer := informerOf(r, groups)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		informer.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	synctest.Wait()
	return informer.changes, logOf(t, logger)
}

func informerOf(r *resource, groups map[string]bool) *changeInformer {
	c := &changes{groups: groups, failures: &failures{}, notify: make(chan struct{}, 1)}
	return &changeInformer{c, definitions.GroupResource(), &definition{}, r.listWatch(), 5 * time.Minute}
}

// notified reports whether there was a notification, once all has happened.
func (c *changes) notified() bool {
	synctest.Wait()
	select {
	case <-c.notify:
		return true
	default:
		return false
	}
}

// named is a definition in its n-th version, established long ago.
func named(name, version string) *definition {
	d := &definition{}
	d.Name, d.ResourceVersion = name, version
	d.Status.Conditions = conditions("Established", "True", metav1.NewTime(time.Now().Add(-time.Hour)))
	return d
}

func servedIn(d *definition, version string) *definition {
	d.Spec.Versions = append(d.Spec.Versions, struct {
		Name   string `json:"name"`
		Served bool   `json:"served"`
	}{version, true})
	return d
}

func TestAChangeOfWhatIsServedNotifies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resource{objects: []definition{*named("bars.example.com", "1")}}
		c, _ := watched(t, r, nil)
		if !c.notified() {
			t.Error("the first list must notify: what it has may be newer than what was served")
		}
		deleted := servedIn(named("foos.example.com", "5"), "v1")
		deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
		relabelled := servedIn(named("foos.example.com", "4"), "v1")
		relabelled.Labels = map[string]string{"a": "b"}
		for _, row := range []struct {
			name  string
			event func()
			want  bool
		}{
			{"a new definition", func() { r.watch.Add(named("foos.example.com", "2")) }, true},
			{"a version more", func() { r.watch.Modify(servedIn(named("foos.example.com", "3"), "v1")) }, true},
			{"a label", func() { r.watch.Modify(relabelled) }, false},
			{"a deletion that waits for finalizers", func() { r.watch.Modify(deleted) }, true},
			{"the end", func() { r.watch.Delete(deleted) }, true},
		} {
			row.event()
			if got := c.notified(); got != row.want {
				t.Errorf("%s notified: %t, want %t", row.name, got, row.want)
			}
		}
	})
}

func TestAnotherListNotifiesOnlyOfWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &resource{objects: []definition{*named("bars.example.com", "1")}}
		c, _ := watched(t, r, nil)
		c.notified()
		for _, row := range []struct {
			name    string
			objects []definition
			want    bool
		}{
			{"the same", []definition{*named("bars.example.com", "1")}, false},
			{"one more", []definition{*named("bars.example.com", "1"), *named("foos.example.com", "2")}, true},
			{"one fewer", []definition{*named("bars.example.com", "1")}, true},
		} {
			r.mu.Lock()
			r.objects = row.objects
			r.mu.Unlock()
			r.watch.Error(&metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonExpired, Code: http.StatusGone})
			after(time.Minute)
			if got := c.notified(); got != row.want {
				t.Errorf("%s notified: %t, want %t", row.name, got, row.want)
			}
		}
	})
}

func TestAKindIsHeldBackUntilItIsEstablished(t *testing.T) {
	foo := Type{Resource: schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "foos"}, Kind: "Foo"}
	for _, row := range []struct {
		name  string
		since time.Duration // how long it has been established
		held  time.Duration
	}{
		{"established long ago", time.Hour, 0},
		{"established just now", 0, establishGrace},
		{"established a moment ago", 700 * time.Millisecond, establishGrace - 700*time.Millisecond},
		{"established in the future, by a clock that is late", -time.Hour, establishGrace},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resource{}
				c, _ := watched(t, r, nil)
				d := named("foos.example.com", "2")
				d.Status.Conditions[0].LastTransitionTime = metav1.NewTime(time.Now().Add(-row.since))
				r.watch.Add(d)
				if !c.notified() {
					t.Error("it did not notify")
				}
				if row.held > 0 {
					after(row.held - time.Millisecond)
					if ready, next := c.established([]Type{foo}, nil, time.Now()); len(ready) > 0 || next != time.Millisecond {
						t.Errorf("a millisecond too early, %v is ready, and the next in %v", ready, next)
					}
					after(time.Millisecond)
				}
				if ready, next := c.established([]Type{foo}, nil, time.Now()); len(ready) != 1 || next != 0 {
					t.Errorf("after %v, %v is ready, and the next in %v", row.held, ready, next)
				}
			})
		})
	}
}

func TestOnlyTheGroupsOfNamedTypesNotify(t *testing.T) {
	for _, row := range []struct {
		name   string
		object string
		want   bool
	}{
		{"a definition in a named group", "foos.example.com", true},
		{"an API service of a named group", "v1.example.com", true},
		{"the API service of the core group", "v1.", true},
		{"a definition in another group", "foos.example.org", false},
		{"a definition in a group below a named one", "foos.more.example.com", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resource{}
				c, _ := watched(t, r, map[string]bool{"": true, "example.com": true})
				r.watch.Add(named(row.object, "2"))
				if got := c.notified(); got != row.want {
					t.Errorf("%s notified: %v, want %v", row.object, got, row.want)
				}
			})
		})
	}
}

func TestAWatchThatIsRefusedIsLoggedOnceAndTriedAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forbidden := apierrors.NewForbidden(definitions.GroupResource(), "", errors.New("no right to list it"))
		r := &resource{err: forbidden, objects: []definition{*named("foos.example.com", "1")}}
		c, log := watched(t, r, nil)
		after(time.Hour)
		before := r.refuse(forbidden)
		after(time.Hour)
		if tries := r.refuse(forbidden) - before; tries > 12 {
			t.Errorf("it was tried %d times in an hour of refusal, want at most once each interval", tries)
		}
		text := strings.TrimSpace(log.GetBuffer().String())
		if strings.Count(text, "\n") > 0 || !strings.Contains(text, "no right to list it") {
			t.Errorf("logged %q, want one line that says why", text)
		}
		r.refuse(nil)
		after(8 * time.Minute)
		if !c.notified() {
			t.Error("the watch did not begin once it was granted")
		}
	})
}

func TestAnOutageIsOverSoonAndNotifiesOfWhatChanged(t *testing.T) {
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
				r := &resource{}
				c, log := watched(t, r, nil)
				after(time.Hour)
				c.notified()
				r.refuse(row.err)
				r.watch.Stop()
				after(time.Hour)
				if c.notified() {
					t.Fatal("it notified during the outage")
				}
				if lines := strings.Count(log.GetBuffer().String(), "\n"); lines > 2 {
					t.Errorf("the outage made %d log lines:\n%s", lines, log.GetBuffer().String())
				}
				r.mu.Lock()
				r.err, r.objects = nil, []definition{*named("foos.example.com", "2")}
				r.mu.Unlock()
				after(time.Minute)
				r.mu.Lock()
				defer r.mu.Unlock()
				r.watch.Add(named("bars.example.com", "3"))
				if !c.notified() {
					t.Error("a minute after the outage there was no watch")
				}
			})
		})
	}
}

func TestAnInformerStopsAtOnceDuringAnOutage(t *testing.T) {
	for _, row := range []struct {
		name    string
		streams bool
	}{{"of a server that streams lists", true}, {"of one that does not", false}} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					informerOf(&resource{streams: row.streams, err: syscall.ECONNREFUSED}, nil).run(ctx)
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
		})
	}
}
