package controller

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
)

// Whoever changes a mirror all the time must not keep its source from being deleted.
func TestADeletionThatIsRefusedAsStaleHasTheServerAskedAndIsTriedAgainAtOnce(t *testing.T) {
	for it, c := range map[string]struct {
		changes int // the changes that are still to come when it is deleted
		now     func(*unstructured.Unstructured)
		deletes int
		gone    bool
	}{
		"it has changed":                               {1, same, 2, true},
		"it changes all the time":                      {mostReads, same, mostReads + 1, true},
		"it changes without an end":                    {1000, same, mostReads + 1, false},
		"it is another one by now":                     {1, func(u *unstructured.Unstructured) { u.SetUID("m2") }, 1, false},
		"it is another source's by now":                {1, func(u *unstructured.Unstructured) { annotate(u, api.AnnotationSourceName, "other") }, 1, false},
		"somebody has taken it out of hand":            {1, func(u *unstructured.Unstructured) { u.SetLabels(nil) }, 1, false},
		"it is on its way out, by somebody":            {1, func(u *unstructured.Unstructured) { u.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) }, 1, false},
		"it has gone":                                  {1, nil, 1, true},
		"it is a copy of itself that was made by hand": {1, func(u *unstructured.Unstructured) { annotate(u, api.AnnotationMirrorID, "configmaps/b/s") }, 1, false},
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.target()
			r.MirrorsOf(configMapsType).Set(r.mirror("a"))
			r.Ready(configMapsType)
			r.work() // the source is gone
			r.deletes = 0
			r.MirrorsOf(configMapsType).Set(r.mirror("a"))
			gone := false
			r.onDelete = func() error {
				if r.deletes > c.changes {
					gone = true
					return nil
				}
				r.inPlace = nil
				if c.now != nil {
					u := r.object("a", api.LabelMirror, "")
					c.now(u)
					r.inPlace = mirrortest.MetadataOf(u)
				} else {
					gone = true
				}
				return apierrors.NewConflict(configMapsType.GroupResource(), "s", errors.New("another version"))
			}
			_ = r.SyncMirror(t.Context(), mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"})
			if r.deletes != c.deletes || gone != c.gone {
				t.Errorf("%d deletions, want %d; it is gone: %v, want %v", r.deletes, c.deletes, gone, c.gone)
			}
		})
	}
}

func annotate(u *unstructured.Unstructured, key, value string) {
	annotations := u.GetAnnotations()
	annotations[key] = value
	u.SetAnnotations(annotations)
}

// What the source asks for meanwhile counts.
func TestADeletionThatIsNotWantedAnyMoreIsNotTriedAgain(t *testing.T) {
	r := synced(t, "a")
	r.say("", same)
	r.onDelete = func() error {
		r.say("a", same)
		u := r.object("a", api.LabelMirror, "")
		u.SetUID("m1")
		r.inPlace = mirrortest.MetadataOf(u)
		return apierrors.NewConflict(configMapsType.GroupResource(), "s", errors.New("another version"))
	}
	r.work()
	if r.deletes != 1 {
		t.Errorf("%d deletions of a mirror that is wanted again", r.deletes)
	}
}
