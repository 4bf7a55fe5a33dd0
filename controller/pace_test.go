package controller

import (
	"encoding/json"
	"errors"
	"maps"
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

// statuses counts the patches that write one.
func (r *rig) statuses() int {
	n := 0
	for _, body := range r.patched {
		if strings.Contains(body, "sync-status") {
			n++
		}
	}
	return n
}

// pass lets time pass, with all that was put off looked at as often as it goes by.
func (r *rig) pass(d time.Duration) {
	const tick = 10 * time.Millisecond
	for range d / tick {
		time.Sleep(tick)
		r.sources.keys, r.sources.later = append(r.sources.keys, r.sources.later...), nil
		r.work()
	}
}

// sayAndHear is ask, of a source that has our finalizer, with a watch that tells of each patch.
func (r *rig) sayAndHear(targets string) {
	u := r.object("src", api.LabelEnabled, targets)
	u.SetFinalizers([]string{api.Finalizer})
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u.DeepCopy()))
	r.onPatch = func(body string) {
		var patch struct{ Metadata metav1.ObjectMeta }
		if err := json.Unmarshal([]byte(body), &patch); err != nil {
			panic(err)
		}
		annotations := u.GetAnnotations()
		maps.Copy(annotations, patch.Metadata.Annotations)
		u.SetAnnotations(annotations)
		if patch.Metadata.Finalizers != nil {
			u.SetFinalizers(patch.Metadata.Finalizers)
		}
		u.SetResourceVersion(r.next())
		r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u.DeepCopy()))
	}
}

// comesBackOneByOne has a source with a target that can't be written in each of the
// namespaces, and then one mirror after the other be made.
func comesBackOneByOne(t *testing.T, namespaces ...string) *rig {
	r := newRig(t)
	down := map[string]bool{}
	r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		if down[u.GetNamespace()] {
			return nil, apierrors.NewInternalError(errors.New("no"))
		}
		return u, nil
	}
	for _, name := range namespaces {
		down[name] = true
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: name}})
	}
	r.sayAndHear(strings.Join(namespaces, ","))
	r.Ready(configMapsType)
	r.work()
	r.pass(time.Second)
	if r.statuses() != 1 {
		t.Fatalf("%d statuses at first", r.statuses())
	}
	for _, name := range namespaces {
		down[name] = false
		r.mirrors.Add(mirror.MirrorKey{Source: r.sourceKey(), Namespace: name})
		r.work()
		r.pass(100 * time.Millisecond)
	}
	return r
}

func TestMirrorsThatComeBackOneByOneMakeAStatusInTwoSecondsAndTheLastIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for c := 'a'; c <= 'z'; c++ {
			names = append(names, string(c))
		}
		start := time.Now()
		r := comesBackOneByOne(t, names...)
		if most := 1 + int(time.Since(start)/statusPeriod); r.statuses() > most || r.creates != 2*len(names) {
			t.Errorf("%d statuses in %s, want %d at most; %d creates", r.statuses(), time.Since(start), most, r.creates)
		}
		r.pass(statusPeriod)
		if last := r.patched[len(r.patched)-1]; !strings.Contains(last, "26/26 synced") {
			t.Errorf("the last status is %s", last)
		}
	})
}

func TestAStatusThatComesAfterAWhileIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := comesBackOneByOne(t, "a")
		r.pass(time.Minute)
		before := r.statuses()
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "a"}, Terminating: true})
		r.work()
		r.sources.keys, r.sources.later = slices.Clone(r.sources.later), nil
		r.work()
		if r.statuses() != before+1 {
			t.Errorf("%d statuses, want one more than %d", r.statuses(), before)
		}
	})
}

func TestASourceThatCantBeWrittenOnIsTriedLessAndLessOftenWhateverLeadsToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.target()
		r.patchError = apierrors.NewInternalError(errors.New("away"))
		r.sayAndHear("a")
		r.Ready(configMapsType)
		for range 6000 { // as mirrors that fail do
			r.sources.Add(r.sourceKey())
			r.work()
			time.Sleep(5 * time.Millisecond)
		}
		if r.patches < 5 || r.patches > 8 {
			t.Errorf("%d patches were tried in 30 s", r.patches)
		}
		r.patchError = nil
		r.pass(lastRetry)
		if n := r.patches; n > 10 || r.statuses() == 0 {
			t.Errorf("%d patches, %d statuses when the server was back", n, r.statuses())
		}
	})
}

func TestASourceThatHasChangedIsWrittenOnAtOnceThoughThatFailedBefore(t *testing.T) {
	r := newRig(t)
	r.target()
	r.patchError = apierrors.NewForbidden(configMapsType.GroupResource(), "s", errors.New("no"))
	r.ask("a")
	r.Ready(configMapsType)
	r.rest()
	r.patchError, r.patches = nil, 0
	r.say("a,b", same)
	r.rest()
	if r.patches == 0 {
		t.Error("nothing is written")
	}
}
