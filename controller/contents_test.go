package controller

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestContentBeyondTheBoundIsDroppedTheOldestFirst(t *testing.T) {
	name := func(n string) mirror.SourceKey { return mirror.SourceKey{Name: n} }
	c := newContents(10)
	for _, step := range []struct {
		use  string
		size int
		drop []mirror.SourceKey
	}{
		{"a", 4, nil},
		{"b", 4, nil},
		{"a", 5, nil}, // used again, and larger
		{"c", 4, []mirror.SourceKey{name("b")}},
		{"d", 100, []mirror.SourceKey{name("a"), name("c")}}, // one is kept, however large
		{"e", 1, []mirror.SourceKey{name("d")}},
	} {
		if drop := c.use(name(step.use), step.size); !slices.Equal(drop, step.drop) {
			t.Errorf("%s of %d: dropped %v, want %v", step.use, step.size, drop, step.drop)
		}
	}
	c.forget(name("e"))
	c.forget(name("e"))
	if c.size != 0 || c.order.Len() != 0 || len(c.at) != 0 {
		t.Errorf("at the end %d bytes of %d sources are kept", c.size, c.order.Len())
	}
}

func (r *rig) keptContent() bool {
	return r.tables[configMapsType.GroupResource()].sources[r.sourceKey().NamespacedName()].HasContent()
}

func TestTheContentOfASourceThatGoesNowhereIsReadWhenItDoes(t *testing.T) {
	for it, c := range map[string]struct {
		now     func(*unstructured.Unstructured)
		creates int
	}{
		"it is as it was":        {same, 1},
		"our status is on it":    {func(u *unstructured.Unstructured) { annotate(u, api.AnnotationSyncStatus, "0/0 synced") }, 1},
		"it has changed since":   {func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"a": "new"} }, 0},
		"it has been made again": {func(u *unstructured.Unstructured) { u.SetUID("another") }, 0},
		"it has gone":            {nil, 0},
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.say("a", same)
			r.Ready(configMapsType)
			r.work()
			if r.keptContent() {
				t.Error("its content is kept though no namespace takes it")
			}
			if c.now != nil {
				c.now(r.source)
			} else {
				r.source = nil
			}
			r.target()
			r.work()
			if r.creates != c.creates || r.keptContent() != (c.creates > 0) {
				t.Errorf("%d mirrors, want %d; its content is kept: %v", r.creates, c.creates, r.keptContent())
			}
			r.target()
			r.work()
			if r.creates != c.creates {
				t.Errorf("%d mirrors after another look", r.creates)
			}
		})
	}
}

// Whoever fills the memory with sources costs the others a read, and no more.
func TestAMirrorIsPutRightThoughItsSourcesContentIsNotKept(t *testing.T) {
	r := newRig(t)
	r.target()
	r.contents.most = 1
	r.say("a", same)
	r.Ready(configMapsType)
	r.work()
	for n := range 3 {
		u := r.object("flood", api.LabelEnabled, "a")
		u.SetName(fmt.Sprint("large-", n))
		u.SetUID(types.UID(fmt.Sprint("large-", n)))
		r.SourcesOf(configMapsType).Set(r.Settings.NewSource(u))
	}
	if r.keptContent() || r.contents.order.Len() != 1 {
		t.Fatalf("it is kept: %v, of %d sources", r.keptContent(), r.contents.order.Len())
	}
	r.creates = 0
	drifted := r.object("a", api.LabelMirror, "")
	drifted.SetLabels(map[string]string{api.LabelMirror: "true", api.LabelManagedBy: "somebody"})
	r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), drifted))
	_ = r.SyncMirror(t.Context(), mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"})
	if r.updates != 1 || !r.keptContent() {
		t.Errorf("it was put right %d times; its content is kept now: %v", r.updates, r.keptContent())
	}
	r.loseSource()
	if _, kept := r.contents.at[r.sourceKey()]; kept {
		t.Error("it counts as kept though it has gone")
	}
}

// A word that a namespace says while a mirror for it is on its way counts.
func TestANamespaceThatRefusesWhileItsMirrorIsBeingMadeGetsNone(t *testing.T) {
	r := newRig(t)
	r.say("a", same)
	r.Ready(configMapsType)
	r.work()
	r.onRead = func() { r.Namespaces().Set(refusing("a")) }
	r.target()
	r.work()
	if r.creates != 0 {
		t.Errorf("%d mirrors were made", r.creates)
	}
}
