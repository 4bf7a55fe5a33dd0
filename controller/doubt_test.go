package controller

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// The watch breaks, and what comes and goes until it lists again nobody tells of.
func TestI2AMirrorThatTheWatchHasPassedWithoutAWordIsAskedFor(t *testing.T) {
	for it, row := range map[string]struct {
		told, there    bool
		reached        string
		reads, creates int
	}{
		"it has gone":                          {reached: "999", reads: 1, creates: 2},
		"it is there":                          {reached: "999", there: true, reads: 1, creates: 1},
		"the watch has told of it":             {told: true, reached: "999", creates: 1},
		"the watch has not come so far":        {reached: "1", creates: 1},
		"the server has another one, not ours": {reached: "999", there: true, reads: 1, creates: 2},
	} {
		t.Run(it, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.target()
				r.ask("a")
				r.Ready(configMapsType)
				var made *unstructured.Unstructured
				r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
					made = u
					return u, nil
				}
				r.work()
				if row.told {
					r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), made))
				}
				if row.there {
					r.whole = made.DeepCopy()
				}
				if it == "the server has another one, not ours" {
					r.whole.SetLabels(map[string]string{"team": "x"})
					r.whole.SetResourceVersion(r.next())
				}
				time.Sleep(confirmWithin)
				r.MirrorsOf(configMapsType).Reached(row.reached)
				r.work()
				if r.reads != row.reads || r.creates != row.creates {
					t.Errorf("%d reads and %d creates, want %d and %d", r.reads, r.creates, row.reads, row.creates)
				}
			})
		})
	}
}

func TestI2AReplacementThatIsRefusedTwiceAsStaleHasTheServerAsked(t *testing.T) {
	r := synced(t, "a")
	r.updateError = apierrors.NewConflict(configMapsType.GroupResource(), "s", errors.New("another version"))
	r.say("a", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"a": "c"} })
	if r.work(); r.reads != 0 {
		t.Fatalf("%d reads after the first refusal", r.reads)
	}
	_ = r.SyncMirror(t.Context(), mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"})
	if r.reads != 1 || len(r.tables.of[configMapsType.GroupResource()].mirrors) != 0 {
		t.Errorf("%d reads after %d writes; believed to be there: %v", r.reads, r.updates, r.tables.of[configMapsType.GroupResource()].mirrors)
	}
}

func TestWhoWaitsForANameHearsOfAMirrorThatWentUnseen(t *testing.T) {
	r := newRig(t)
	r.target()
	r.MirrorsOf(configMapsType).Set(r.mirror("a")) // the source's
	other := r.object("src", api.LabelEnabled, "a")
	other.SetName("other")
	other.SetUID("u2")
	annotations := other.GetAnnotations()
	annotations[api.AnnotationTargetName] = "s"
	other.SetAnnotations(annotations)
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), other))
	r.ask("a")
	r.Ready(configMapsType)
	r.work()
	waiting := mirror.MirrorKey{Source: mirror.SourceKey{Type: configMapsType.GroupResource(), Namespace: "src", Name: "other"}, Namespace: "a"}
	r.answer = apierrors.NewNotFound(configMapsType.GroupResource(), "s")
	r.ask("")
	for len(r.sources.keys) > 0 {
		key := r.sources.keys[0]
		r.sources.keys = r.sources.keys[1:]
		_ = r.SyncSource(t.Context(), key)
	}
	r.mirrors.keys = nil
	_ = r.SyncMirror(t.Context(), mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"})
	if !slices.Contains(r.mirrors.keys, waiting) {
		t.Errorf("the one that waits isn't looked at: %v", r.mirrors.keys)
	}
}

// The end of a new list is enough, and that the list has been taken in since.
func TestI2AMirrorThatANewListDoesNotHaveIsAskedForWithoutAnotherWordFromTheServer(t *testing.T) {
	for when, answeredFirst := range map[string]bool{"its create is answered before the list": true, "its create is answered after the list": false} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.target()
				r.ask("a")
				r.Ready(configMapsType)
				if answeredFirst {
					r.work()
				}
				r.MirrorsOf(configMapsType).Reached("999")
				r.work()
				if r.reads != 0 || r.creates != 1 {
					t.Errorf("%d reads and %d creates at once, want 0 and 1", r.reads, r.creates)
				}
				time.Sleep(confirmWithin)
				r.mirrors.keys = r.mirrors.later
				r.work()
				if r.reads != 1 || r.creates != 2 {
					t.Errorf("%d reads and %d creates in the end, want 1 and 2", r.reads, r.creates)
				}
			})
		})
	}
}
