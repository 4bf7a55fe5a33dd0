package informers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// servers are the two kinds that there are.
var servers = []struct {
	name  string
	plain bool
}{
	{"a server that streams lists", false},
	{"a server that refuses to stream lists", true},
}

// onEachServer runs a test in a bubble of its own for each kind of server. The
// server has three objects: a@2 and b@3 are selected, c@4 is not.
func onEachServer(t *testing.T, test func(t *testing.T, s *server, r *recorder)) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(object("a", "x"), object("b", "x"), object("c", ""))
				s.plain = kind.plain
				test(t, s, &recorder{})
			})
		})
	}
}

func TestAnInformerTellsOfTheFirstListAndOfEachChange(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		i := New("things", s.selection("role=x"), asIs, handler{recorder: r}, r.failing)
		if synced(i) {
			t.Error("it is synced before it runs")
		}
		defer running(t, i)()
		r.expectInAnyOrder(t, "the first list", "a@2", "b@3")
		if !synced(i) {
			t.Error("it isn't synced after the first list")
		}
		s.put(object("d", "x"))
		s.put(object("a", "x"))
		r.expect(t, "an object comes, another changes", "d@5", "a@6")
		s.remove("a")
		r.expect(t, "an object is deleted", "a gone at 7")
		s.put(object("b", ""))
		r.expect(t, "an object loses its label", "b gone at 8")
		s.put(object("b", "x"))
		r.expect(t, "it has it back", "b@9")
	})
}

func TestWhatHappenedWhileTheWatchWasDownIsMadeUpFor(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		i := New("things", s.selection("role=x"), asIs, handler{recorder: r}, r.failing)
		defer running(t, i)()
		synctest.Wait()
		r.told()
		s.requests()

		time.Sleep(time.Minute)
		s.hangUp(func() {
			s.remove("a")
			s.put(object("d", "x"))
		})
		r.expect(t, "a watch that can be resumed", "a gone at 5", "d@6")
		if asked := s.requests(); len(asked) != 1 || asked[0] != "watch role=x" {
			t.Errorf("a watch that ends is to be opened again, not more: %q", asked)
		}

		s.set(func() { s.refuse = func(string) error { return errors.New("down") } })
		s.hangUp(func() {
			s.remove("b")
			s.put(object("e", "x"))
			s.put(object("e", "x"))
			s.forget()
		})
		time.Sleep(time.Minute)
		s.set(func() { s.refuse = nil })
		time.Sleep(time.Minute)
		if !i.Failing() {
			r.expectInAnyOrder(t, "a watch that is too old", "fails: down", "d@6", "e@9", "b gone at 3", "works")
		} else {
			t.Errorf("it still fails: %q", r.told())
		}
	})
}

// small is what a transformation leaves of an object.
type small struct{ metav1.ObjectMeta }

func reduce(obj any) (any, error) {
	switch o := obj.(type) {
	case *small:
		return o, nil
	case *metav1.PartialObjectMetadata:
		if o.Labels["broken"] == "badly" {
			panic("content: s3cret")
		}
		if o.Labels["broken"] != "" {
			return nil, errors.New("unreadable")
		}
		return &small{metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, ResourceVersion: o.ResourceVersion}}, nil
	}
	return nil, fmt.Errorf("a stranger: %T", obj)
}

// smallOnly complains of whole objects.
type smallOnly struct {
	handler
	t *testing.T
}

func (h smallOnly) Set(obj any) {
	if _, ok := obj.(*small); !ok {
		h.t.Errorf("set in full: %T", obj)
	}
	h.handler.Set(obj)
}

func TestObjectsAreReducedBeforeTheyAreKeptAndHandedOn(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		i := New("things", s.selection("role=x"), reduce, smallOnly{handler{recorder: r}, t}, func(error) {})
		defer running(t, i)()
		r.expectInAnyOrder(t, "the first list", "a@2", "b@3")
		s.put(object("a", "x"))
		s.remove("a")
		r.expect(t, "a change and a deletion", "a@5", "a gone at 6")
	})
}

func TestAnObjectThatCannotBeReadIsPassedOver(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		log := logged(t)
		broken := func(name, how string) *metav1.PartialObjectMetadata {
			o := object(name, "x")
			o.Labels["broken"] = how
			o.Annotations = map[string]string{"content": "s3cret"}
			return o
		}
		s.put(broken("d", "badly"))
		s.put(broken("e", "a bit"))
		i := New("things", s.selection("role=x"), reduce, smallOnly{handler{recorder: r}, t}, r.failing)
		defer running(t, i)()
		r.expectInAnyOrder(t, "the first list", "a@2", "b@3")

		s.put(broken("a", "badly"))
		s.put(object("d", "x"))
		r.expect(t, "one can't be read any more, another now can", "d@8")

		s.hangUp(func() {
			s.remove("b")
			s.forget()
		})
		time.Sleep(time.Minute)
		r.expectInAnyOrder(t, "a new list, in which what can't be read is still there", "d@8", "b gone at 3")

		s.remove("a")
		r.expect(t, "it goes", "a gone at 11")
		if text := log(); strings.Contains(text, "s3cret") {
			t.Errorf("content in the log:\n%s", text)
		} else if !strings.Contains(text, "default/d") || !strings.Contains(text, "default/e") || !strings.Contains(text, "unreadable") {
			t.Errorf("not named in the log:\n%s", text)
		}
	})
}
