package controller

import (
	"context"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// say has the source, which has our finalizer, be like this.
func (r *rig) say(targets string, change func(*unstructured.Unstructured)) {
	u := r.object("src", api.LabelEnabled, targets)
	u.SetUID("s1")
	u.SetFinalizers([]string{api.Finalizer})
	change(u)
	r.source = u.DeepCopy()
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
	r.onPatch = func(body string) {
		if !strings.Contains(body, `"finalizers":[]`) {
			return
		}
		u.SetFinalizers(nil)
		u.SetResourceVersion(r.next())
		if u.GetDeletionTimestamp() != nil {
			r.loseSource()
			return
		}
		r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
	}
}

func (r *rig) syncSources() {
	for len(r.sources.keys) > 0 {
		r.sources.keys = r.sources.keys[1:]
		_ = r.SyncSource(context.Background(), r.sourceKey())
	}
}

// released reports whether our finalizer was taken off the source.
func (r *rig) released() bool {
	return slices.ContainsFunc(r.patched, func(body string) bool { return strings.Contains(body, `"finalizers":[]`) })
}

// The source changes while a create is under way that none of its looks is pending for: an
// earlier mirror was on its way out when they were, and its end led here.
func TestASourceIsReleasedThoughAWriteOutlivedItsPendingLooks(t *testing.T) {
	for it, change := range map[string]func(*rig){
		"it is deleted": func(r *rig) {
			r.say("a", func(u *unstructured.Unstructured) {
				now := metav1.Now()
				u.SetDeletionTimestamp(&now)
			})
		},
		"it is turned off": func(r *rig) {
			r.say("a", func(u *unstructured.Unstructured) {
				annotations := u.GetAnnotations()
				annotations[api.AnnotationSync] = "false"
				u.SetAnnotations(annotations)
			})
		},
		"it drops the target": func(r *rig) { r.say("", same) },
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.target()
			old := r.mirror("a")
			old.Terminating, old.DeleteRequested = true, true
			r.MirrorsOf(configMapsType).Set(old)
			r.say("a", same)
			r.Ready(configMapsType)
			r.work()
			r.sources.later = nil // its status isn't due: another namespace is pending still
			r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
				change(r)
				r.syncSources()
				return u, nil
			}
			r.gone(old)
			r.work()
			made := r.mirror("a")
			made.UID = "m1"
			r.gone(made)
			r.work()
			r.sources.keys = append(r.sources.keys, r.sources.later...)
			r.work()
			if r.creates != 1 || r.deletes != 1 || !r.released() {
				t.Errorf("%d creates, %d deletes, and it was patched with %q", r.creates, r.deletes, r.patched)
			}
		})
	}
}

func TestNothingIsMadeForASourceThatWentSinceItWasSeen(t *testing.T) {
	r := newRig(t)
	r.target()
	r.say("a", same)
	r.Ready(configMapsType)
	key := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}
	s := r.Controller.mirrors.snapshot(key) // a worker has begun
	r.say("a", func(u *unstructured.Unstructured) {
		now := metav1.Now()
		u.SetDeletionTimestamp(&now)
	})
	r.syncSources()
	if !r.released() {
		t.Fatal("it is not released, though it has no mirror")
	}
	desired, _ := s.source.Desired(namespaceOf("a"), "s")
	if _, err := r.Controller.mirrors.ensure(t.Context(), key, s, mirror.Draft{Source: s.source, Desired: desired, Namespace: "a", Name: "s"}); err == nil || r.creates != 0 {
		t.Errorf("%d creates, error %v", r.creates, err)
	}
	if !slices.Contains(r.mirrors.keys, key) {
		t.Error("it is not looked at again")
	}
}
