package controller

import (
	"errors"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// renamed has the source's mirrors be called new, and its content be this.
func renamed(value string) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		annotations := u.GetAnnotations()
		annotations[api.AnnotationTargetName] = "new"
		u.SetAnnotations(annotations)
		u.Object["data"] = map[string]any{"a": value}
	}
}

// told is what is wrong in the namespace a.
func (r *rig) told() string {
	var texts []string
	for _, p := range r.states[r.sourceKey()].problems["a"] {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, " | ")
}

func TestAMirrorWhoseNewNameIsTakenStaysAndFollowsItsSource(t *testing.T) {
	for it, refusal := range map[string]error{
		"by somebody's object":    apierrors.NewAlreadyExists(configMapsType.GroupResource(), "new"),
		"or the server's refusal": apierrors.NewForbidden(configMapsType.GroupResource(), "new", errors.New("no")),
	} {
		t.Run(it, func(t *testing.T) {
			r := synced(t, "a")
			free := false
			r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
				if !free {
					return nil, refusal
				}
				return u, nil
			}
			r.inPlace = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "new", UID: "x", ResourceVersion: "1"}}
			r.say("a", renamed("changed"))
			r.rest()
			if r.deletes != 0 || r.updates != 1 || r.released() {
				t.Errorf("%d deletes, %d updates, and it was patched with %q", r.deletes, r.updates, r.patched)
			}
			if told := r.told(); !strings.Contains(told, `stays, and is kept up to date, under the former name "s"`) {
				t.Errorf("it tells %q", told)
			}
			r.say("a", renamed("changed again"))
			r.rest()
			if r.deletes != 0 || r.updates != 2 {
				t.Errorf("%d deletes, %d updates after another change", r.deletes, r.updates)
			}

			free = true
			r.mirrors.keys = nil
			if o := r.conflicts.waitsFor[mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}]; o.at.Name == "new" {
				r.Controller.mirrors.unblocked(o)
			} else if !apierrors.IsForbidden(refusal) {
				t.Error("nobody waits for the new name")
			}
			r.mirrors.Add(mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"})
			r.rest()
			if r.deletes != 1 || !slices.Equal(r.order, []string{"delete"}) || r.told() != "" {
				t.Errorf("when the name is free: %d deletes, %q, problems %q", r.deletes, r.order, r.told())
			}
		})
	}
}

func TestAFormerMirrorThatSomebodyDeletesIsNotMadeAgain(t *testing.T) {
	r := synced(t, "a")
	r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return nil, apierrors.NewAlreadyExists(configMapsType.GroupResource(), "new")
	}
	r.inPlace = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "new", UID: "x", ResourceVersion: "1"}}
	r.say("a", renamed("changed"))
	r.rest()
	creates := r.creates
	r.gone(r.mirror("a"))
	r.rest()
	if r.creates != creates || strings.Contains(r.told(), "former") {
		t.Errorf("%d creates more; problems %q", r.creates-creates, r.told())
	}
}

func TestTheFormerMirrorStaysWhileTheNewOneIsOnItsWayOut(t *testing.T) {
	r := synced(t, "a")
	going := r.mirror("a")
	going.Name, going.UID, going.Terminating = "new", "n1", true
	r.MirrorsOf(configMapsType).Set(going)
	r.say("a", renamed("changed"))
	r.rest()
	if r.deletes != 0 || r.released() {
		t.Fatalf("%d deletes, and it was patched with %q, though no other mirror is there", r.deletes, r.patched)
	}
	r.gone(going)
	r.rest()
	if r.creates == 0 || !slices.Equal(r.order, []string{"delete"}) {
		t.Errorf("%d creates, then %q", r.creates, r.order)
	}
}

// Somebody fights over the former mirror when the new one comes.
func TestTheFormerMirrorGoesWhenTheNewOneIsThereWhateverElseIsWrong(t *testing.T) {
	r := synced(t, "a")
	r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return nil, apierrors.NewForbidden(configMapsType.GroupResource(), "new", errors.New("no"))
	}
	r.say("a", renamed("changed"))
	r.rest()
	key := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}
	former := object{configMapsType.GroupResource(), types.NamespacedName{Namespace: "a", Name: "s"}}
	for range 2 * freeCorrections {
		r.backoff.wrote(former, mirror.Hash{1})
	}
	r.contested[key] = former
	r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) { return u, nil }
	r.mirrors.Add(key)
	r.rest()
	if r.deletes != 1 {
		t.Errorf("%d deletes when the new mirror is there; it tells %q", r.deletes, r.told())
	}
}
