package controller

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

func same(*unstructured.Unstructured) {}

func goes(u *unstructured.Unstructured) {
	now := metav1.Now()
	u.SetDeletionTimestamp(&now)
}

func turnedOff(u *unstructured.Unstructured) {
	annotations := u.GetAnnotations()
	annotations[api.AnnotationSync] = "false"
	u.SetAnnotations(annotations)
}

// synced is a rig with a source that has our finalizer and a mirror in each of these
// namespaces.
func synced(t *testing.T, namespaces ...string) *rig {
	t.Helper()
	r := newRig(t)
	for _, namespace := range namespaces {
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: namespace}})
		r.MirrorsOf(configMapsType).Set(r.mirror(namespace))
	}
	r.say(strings.Join(namespaces, ","), same)
	r.Ready(configMapsType)
	r.work()
	r.order, r.patched, r.deletes, r.updates = nil, nil, 0, 0
	return r
}

// rest works off what is due, and what was put off.
func (r *rig) rest() {
	for range 3 {
		r.work()
		r.sources.keys, r.sources.later = append(r.sources.keys, r.sources.later...), nil
	}
}

func refusing(name string) *mirror.Namespace {
	return &mirror.Namespace{Identity: mirror.Identity{Name: name}, Labels: map[string]string{api.LabelAllowMirrors: "false"}}
}

// A crash between two of our requests must leave either a mirror, through which the
// source is found again, or a source without our finalizer.
func TestTheFinalizerGoesBeforeTheLastMirrorUnlessTheSourceIsBeingDeleted(t *testing.T) {
	for it, c := range map[string]struct {
		change func(*rig)
		order  []string // of the first requests; statuses may follow
	}{
		"it is turned off":      {func(r *rig) { r.say("a,b", turnedOff) }, []string{"release", "delete", "delete"}},
		"it drops its targets":  {func(r *rig) { r.say("", same) }, []string{"release", "delete", "delete"}},
		"its namespaces refuse": {func(r *rig) { r.Namespaces().Set(refusing("a")); r.Namespaces().Set(refusing("b")) }, []string{"release", "delete", "delete"}},
		"one namespace refuses": {func(r *rig) { r.Namespaces().Set(refusing("a")) }, []string{"delete"}},
		"one refuses, then the other": {func(r *rig) {
			r.Namespaces().Set(refusing("a"))
			r.rest()
			r.order = nil
			r.Namespaces().Set(refusing("b"))
		}, []string{"release", "delete"}},
		"it is being deleted":          {func(r *rig) { r.say("a,b", goes) }, []string{"delete", "delete", "release"}},
		"it is turned off and deleted": {func(r *rig) { r.say("a,b", func(u *unstructured.Unstructured) { turnedOff(u); goes(u) }) }, []string{"delete", "delete", "release"}},
	} {
		t.Run(it, func(t *testing.T) {
			r := synced(t, "a", "b")
			c.change(r)
			r.rest()
			if len(r.order) < len(c.order) || !slices.Equal(r.order[:len(c.order)], c.order) || slices.Contains(r.order[len(c.order):], "delete") {
				t.Errorf("the requests were %q, want first %q, and no more deletions", r.order, c.order)
			}
		})
	}
}

func TestASourceThatMovesToAnotherNamespaceKeepsItsFinalizer(t *testing.T) {
	r := synced(t, "a")
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "b"}})
	r.say("b", same)
	r.rest()
	if r.creates != 1 || r.deletes != 1 || r.released() {
		t.Errorf("%d creates, %d deletes, and it was patched with %q", r.creates, r.deletes, r.patched)
	}
}

func TestASourceWhoseNewMirrorIsRefusedLosesItsFinalizerBeforeTheOldMirrorGoes(t *testing.T) {
	r := synced(t, "a")
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "b"}})
	r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return nil, apierrors.NewForbidden(configMapsType.GroupResource(), "s", errors.New("no"))
	}
	r.say("b", same)
	r.rest()
	if !r.released() || r.deletes != 1 || r.order[0] != "release" {
		t.Errorf("%d deletes, requests in the order %q, patched with %q", r.deletes, r.order, r.patched)
	}
}

func TestNoMirrorStaysWhereItIsNotToBeBecauseItsSourceCantBeWrittenTo(t *testing.T) {
	for it, err := range map[string]error{
		"refused":             apierrors.NewForbidden(configMapsType.GroupResource(), "s", errors.New("no")),
		"met by changes":      apierrors.NewConflict(configMapsType.GroupResource(), "s", errors.New("changed")),
		"a webhook's trouble": apierrors.NewInternalError(errors.New("failed calling webhook")),
	} {
		t.Run(it, func(t *testing.T) {
			r := synced(t, "a")
			r.patchError = err
			r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "a"}, Labels: map[string]string{api.LabelAllowMirrors: "false"}})
			for range mostConflicts {
				r.rest()
				r.sources.Add(r.sourceKey()) // it is tried again
			}
			if r.deletes != 1 {
				t.Errorf("%d deletes; patched with %q", r.deletes, r.patched)
			}
		})
	}
}

func TestAMirrorThatIsToGoAtTheStartBringsNoFinalizer(t *testing.T) {
	r := newRig(t)
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "a"}, Labels: map[string]string{api.LabelAllowMirrors: "false"}})
	r.MirrorsOf(configMapsType).Set(r.mirror("a"))
	r.ask("a")
	r.Ready(configMapsType)
	r.rest()
	if r.deletes != 1 || slices.ContainsFunc(r.patched, func(body string) bool { return strings.Contains(body, "finalizers") }) {
		t.Errorf("%d deletes; patched with %q", r.deletes, r.patched)
	}
}

// The watch of the sources brings nothing: neither the finalizer's removal nor anything else.
func TestADeletionIsNotHeldForASourceWhoseWatchIsSilent(t *testing.T) {
	r := synced(t, "a")
	r.onPatch, r.patchedTo = nil, "1000"
	r.Namespaces().Set(refusing("a"))
	r.rest()
	if r.deletes != 1 || !slices.Equal(r.order, []string{"release", "delete"}) {
		t.Errorf("%d deletes, requests in the order %q", r.deletes, r.order)
	}
}

// A look at another namespace that may make a mirror there doesn't come to an end.
func TestADeletionIsHeldForAWhileAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := synced(t, "a")
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "b"}})
		r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
			return nil, apierrors.NewConflict(configMapsType.GroupResource(), "s", errors.New("changed"))
		}
		r.say("b", same)
		r.rest()
		if r.deletes != 0 || r.released() {
			t.Fatalf("%d deletes, patched with %q, though a mirror may come in a moment", r.deletes, r.patched)
		}
		time.Sleep(longestHold)
		r.sources.Add(r.sourceKey()) // which was put off for so long
		r.rest()
		if r.deletes != 1 {
			t.Errorf("%d deletes; patched with %q", r.deletes, r.patched)
		}
	})
}
