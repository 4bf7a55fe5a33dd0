package controller

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestI9AnOrphanWhoseDeletionIsRefusedIsNotTriedInALoop(t *testing.T) {
	r := newRig(t)
	r.target()
	r.refuse = true
	r.MirrorsOf(configMapsType).Set(r.mirror("a"))
	r.Ready(configMapsType)
	if looks := r.work(); looks == most || r.deletes != 1 {
		t.Errorf("%d looks and %d deletes without waiting for a retry", looks, r.deletes)
	}
}

func TestAnOrphanOnItsWayOutIsWaitedForAndNotLookedAtInALoop(t *testing.T) {
	r := newRig(t)
	r.target()
	going := r.mirror("a")
	going.Terminating = true
	r.MirrorsOf(configMapsType).Set(going)
	r.Ready(configMapsType)
	if looks := r.work(); looks == most || r.deletes != 0 {
		t.Errorf("%d looks and %d deletes", looks, r.deletes)
	}
	r.gone(going)
	r.work()
	if len(r.states) != 0 {
		t.Errorf("sources that are gone are remembered: %v", r.states)
	}
}

func TestI2AMirrorThatCameAndWentDuringItsWriteIsMadeAgain(t *testing.T) {
	r := newRig(t)
	r.target()
	answer := r.create
	r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		r.create = answer
		// The watch is faster than the answer: it is made, and deleted by somebody.
		r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), u))
		r.gone(mirror.NewRecord(configMapsType.GroupResource(), u))
		return u, nil
	}
	r.ask("a")
	r.Ready(configMapsType)
	r.work()
	if r.creates != 2 {
		t.Errorf("%d creates, want one for what was deleted too", r.creates)
	}
}

func TestAMirrorThatComesWhenItsSourceIsGoneGoesToo(t *testing.T) {
	for what, live := range map[string]*metav1.PartialObjectMetadata{
		"it was deleted":    nil,
		"it lost the label": {},
	} {
		r := newRig(t)
		r.target()
		r.inPlace = live
		answer := r.create
		r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
			r.loseSource() // while the request is on its way
			for len(r.sources.keys) > 0 {
				r.sources.keys = r.sources.keys[1:]
				_ = r.SyncSource(context.Background(), r.sourceKey())
			}
			return answer(u)
		}
		r.ask("a")
		r.Ready(configMapsType)
		r.work()
		if r.creates != 1 || r.deletes != 1 {
			t.Errorf("%s: %d creates and %d deletes, want one of each", what, r.creates, r.deletes)
		}
	}
}

func TestAProblemThatItsSourceOutranIsNotKept(t *testing.T) {
	r := newRig(t)
	r.target()
	r.inPlace = &metav1.PartialObjectMetadata{}
	r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
		r.ask("") // the source drops the target while the request is on its way
		_ = r.SyncSource(context.Background(), r.sourceKey())
		return nil, apierrors.NewAlreadyExists(configMapsType.GroupResource(), "s")
	}
	r.ask("a")
	r.Ready(configMapsType)
	r.work()
	if st := r.stateLocked(r.sourceKey()); len(st.problems) > 0 || len(st.pending) > 0 {
		t.Errorf("at rest it has problems %v and waits for %v", st.problems, st.pending)
	}
	if r.conflicts.watched != 0 {
		t.Errorf("%d foreign objects are watched for nobody", r.conflicts.watched)
	}
}

func TestWaitingForAForeignObjectEndsWithTheWishForItsPlace(t *testing.T) {
	for it, end := range map[string]func(*rig){
		"the target is dropped": func(r *rig) { r.ask("b") },
		"the source goes":       func(r *rig) { r.inPlace = nil; r.loseSource() },
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.target()
			r.inPlace = &metav1.PartialObjectMetadata{}
			r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
				return nil, apierrors.NewAlreadyExists(configMapsType.GroupResource(), "s")
			}
			r.ask("a")
			r.Ready(configMapsType)
			r.work()
			if r.conflicts.watched != 1 {
				t.Fatalf("%d foreign objects are watched, want one", r.conflicts.watched)
			}
			end(r)
			r.work()
			if r.conflicts.watched != 0 || len(r.conflicts.waiting) != 0 {
				t.Errorf("%d are watched still, and %v wait", r.conflicts.watched, r.conflicts.waiting)
			}
		})
	}
}

func TestATypeThatIsForgottenInTheMidstOfALookStopsNobody(t *testing.T) {
	r := newRig(t)
	r.Ready(configMapsType)
	r.Forget(configMapsType)
	if err := r.Controller.sources.syncAbsent(t.Context(), r.sourceKey(), configMapsType); err != nil {
		t.Error(err)
	}
	if !r.mu.TryLock() {
		t.Fatal("the lock is held for ever")
	}
}

func TestARefusedDeletionDoesNotMakeTheStatusNonsense(t *testing.T) {
	r := newRig(t)
	r.target()
	r.refuse = true
	r.MirrorsOf(configMapsType).Set(r.mirror("a"))
	r.ask("")
	r.Ready(configMapsType)
	r.work()
	src := r.tables.of[configMapsType.GroupResource()].sources[r.sourceKey().NamespacedName()]
	st := r.stateLocked(r.sourceKey())
	if got := mirror.StatusOf(src, &st.Selection, st.problems, 100); got.Text != "0/0 synced: a: delete: forbidden" || got.Failed != "a" {
		t.Errorf("it says %q, failed %q", got.Text, got.Failed)
	}
}
