package faults

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/faultproxy"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/oracle"
)

// What was once seen to go wrong, each by itself.

// posts chooses creates.
func posts(w faultproxy.Write) bool { return w.Method == http.MethodPost }

// waitThere waits until an object is there.
func (w *world) waitThere(r kit.Ref) {
	w.t.Helper()
	w.eventually(r.String()+" is there", func() error {
		if w.env.Find(r) == nil {
			return errors.New("it is not")
		}
		return nil
	})
}

// disown has somebody take the label off a mirror: it is theirs then.
func (w *world) disown(r kit.Ref) {
	o := w.somebody.PatchIfThere(r, `{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":null}}}`)
	if o == nil {
		w.t.Fatalf("%s is not there", r)
	}
	w.foreign[oracle.PlaceOf(o)] = oracle.Whole(o)
}

func TestI2WhatBefellAMirrorBetweenAWatchAndTheNextListIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, befalls := range map[string]func(*world, kit.Ref){
		"it is deleted":    func(w *world, mirror kit.Ref) { w.somebody.Delete(mirror) },
		"it is relabelled": (*world).disown,
		"it is replaced": func(w *world, mirror kit.Ref) {
			w.somebody.Delete(mirror)
			w.occupy(mirror)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "src", "n0", "n1")
			w.create(w.c(), "one", "target-namespaces=PREFIX-n1")
			w.converge("mirrors are watched")
			held := w.proxy.Hold(mirrors)
			w.proxy.Expire(mirrors, 1)
			w.create(w.a(), "one", "target-namespaces=PREFIX-n0")
			mirror := w.a().In(w.env.Name("n0"))
			w.waitThere(mirror)
			befalls(w, mirror)
			held.Release()
			w.converge("the mirrors were listed anew")
			w.delete(w.a())
			w.converge("the source is deleted")
		})
	}
}

func TestI2AMirrorThatChangesUnseenIsSetRightAndDeletedAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "src", "n0")
	w.create(w.a(), "one", "target-namespaces=PREFIX-n0")
	w.converge("a source comes")
	frozen := w.proxy.Freeze(mirrors)
	defer frozen.Release()
	tampers((*world).a, "n0", `{"data":{"key":"theirs"}}`)(w)
	w.patch(w.a(), `{"data":{"key":"two"}}`)
	w.converge("mirror and source have changed, and nobody tells of the mirror")
	tampers((*world).a, "n0", `{"data":{"key":"theirs"}}`)(w)
	w.delete(w.a())
	w.converge("the mirror has changed again, and the source is deleted")
}

func TestI2NoMirrorOutlivesASourceThatGoesWhileItIsMade(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(*world){
		"it is deleted":                 func(w *world) { w.delete(w.a()) },
		"it loses its label":            patches((*world).a, labelOff),
		"it is turned off":              annotates((*world).a, "sync=false"),
		"it asks for the place no more": annotates((*world).a, "target-namespaces="),
	} {
		for _, watched := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, mirrors are watched %v", name, watched), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "src", "n0", "n1")
				w.create(w.c(), "one", "target-namespaces=PREFIX-n1")
				w.converge("mirrors are watched")
				if !watched {
					frozen := w.proxy.Freeze(mirrors)
					defer frozen.Release()
				}
				w.proxy.Arm(1, posts, faultproxy.AnsweredLate)
				w.create(w.a(), "one", "target-namespaces=PREFIX-n0")
				w.waitThere(w.a().In(w.env.Name("n0")))
				goes(w)
				w.converge("the source goes while its mirror's create waits for its answer")
			})
		}
	}
}

func TestI2WhoWaitsForANameGetsItFromAMirrorThatWentUnseen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "src", "src2", "n0")
	w.create(w.a(), "one", "target-namespaces=PREFIX-n0")
	w.converge("a source comes")
	w.create(w.b(), "two", "target-namespaces=PREFIX-n0")
	w.converge("another one waits for the name")
	frozen := w.proxy.Freeze(mirrors)
	defer frozen.Release()
	w.somebody.Delete(w.a().In(w.env.Name("n0")))
	w.annotate(w.a(), "sync=false")
	w.converge("the mirror has gone unseen, and its source makes room")
}

// TestASourceWhoseLabelGoesWhileNobodyRunsCanBeDeleted has a process die at each write of
// what brings our finalizer and takes it away.
func TestASourceWhoseLabelGoesWhileNobodyRunsCanBeDeleted(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		asks string
		do   func(*world)
	}{
		"it comes":            {"target-namespaces=", func(w *world) { w.annotate(w.a(), "target-namespaces=PREFIX-n0,PREFIX-n1") }},
		"a namespace refuses": {"target-namespaces=PREFIX-n0", func(w *world) { w.refuse("n0", `"false"`) }},
		"it is turned off":    {"target-namespaces=PREFIX-n0,PREFIX-n1", annotates((*world).a, "sync=false")},
		"it asks for nothing": {"target-namespaces=PREFIX-n0,PREFIX-n1", annotates((*world).a, "target-namespaces=")},
	} {
		for fault, befalls := range map[string]faultproxy.Fault{"killed": faultproxy.Killed, "killed after": faultproxy.KilledAfter, "lands after death": faultproxy.LandsAfterDeath} {
			t.Run(name+", "+fault, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "src", "n0", "n1")
				for nth := 1; nth <= 4; nth++ {
					w.refuse("n0", "null")
					w.create(w.a(), "one", row.asks)
					w.converge("a source comes")
					w.proxy.Arm(nth, nil, befalls)
					row.do(w)
					w.settle(name)
					w.patch(w.a(), labelOff)
					w.eventually("no mirror is left", func() error {
						if left := w.state().Mirrors(); len(left) > 0 {
							return fmt.Errorf("there are %d", len(left))
						}
						return nil
					})
					w.delete(w.a())
					w.converge(fmt.Sprintf("%s at the write %d, and the source is deleted", fault, nth))
				}
			})
		}
	}
}

// TestMirrorsThatComeBackOneByOneMakeNoStormOfStatuses has a server refuse all mirrors for a
// while, and then take half a second for each.
func TestMirrorsThatComeBackOneByOneMakeNoStormOfStatuses(t *testing.T) {
	t.Parallel()
	const targets = 12
	places := []string{"src"}
	for i := range targets {
		places = append(places, fmt.Sprintf("n%02d", i))
	}
	w := newWorld(t, places...)
	w.create(w.a(), "one", "target-namespaces=PREFIX-n*")
	w.converge("a source comes")
	replaces := func(write faultproxy.Write) bool { return write.Method == http.MethodPut }
	w.proxy.ArmEach(replaces, faultproxy.Away)
	w.patch(w.a(), `{"data":{"key":"two"}}`)
	w.env.WaitFor(w.a(), "says that none is in sync", func(o *unstructured.Unstructured) error {
		if got := kit.StatusOf(o); !strings.HasPrefix(got, fmt.Sprintf("0/%d synced", targets)) {
			return fmt.Errorf("its status is %q", got)
		}
		return nil
	})
	mark := w.env.Mark()
	w.proxy.ArmEach(replaces, func(x *faultproxy.Exchange) {
		x.Wait(500 * time.Millisecond)
		x.Reply(x.Forward())
	})
	w.converge("the server takes them one by one")
	written := w.km.Since(mark).Where(audit.Filter{Verbs: []string{"patch"}})
	if len(written) < 2 {
		t.Errorf("the status has told nothing on the way:\n%s", written)
	}
	for i, patch := range written[min(1, len(written)):] {
		if gap := patch.Received.Sub(written[i].Received); gap < 1900*time.Millisecond {
			t.Errorf("%s: %v after the one before", patch, gap)
		}
	}
}
