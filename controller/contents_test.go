package controller

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestContentBeyondTheBoundIsDroppedTheLargestFirst(t *testing.T) {
	name := func(n string) mirror.SourceKey { return mirror.SourceKey{Name: n} }
	c := newContents(10)
	for _, step := range []struct {
		keep string
		size int
		drop []mirror.SourceKey
	}{
		{"a", 4, nil},
		{"b", 5, nil},
		{"a", 3, nil}, // it has changed
		{"c", 2, nil},
		{"d", 1, []mirror.SourceKey{name("b")}},
		{"e", 100, []mirror.SourceKey{name("e")}}, // it doesn't fit at all
		{"b", 5, []mirror.SourceKey{name("b")}},   // nor does one that was dropped, again
		{"f", 4, nil},
	} {
		if drop := c.keep(name(step.keep), step.size); !slices.Equal(drop, step.drop) {
			t.Errorf("%s of %d: dropped %v, want %v", step.keep, step.size, drop, step.drop)
		}
	}
	for _, n := range []string{"a", "a", "c", "d", "e", "f"} {
		c.forget(name(n))
	}
	if c.size != 0 || len(c.bySize) != 0 || len(c.at) != 0 {
		t.Errorf("at the end %d bytes of %d sources are kept", c.size, len(c.at))
	}
}

func (r *rig) keptContent() bool {
	return r.tables.of[configMapsType.GroupResource()].sources[r.sourceKey().NamespacedName()].HasContent()
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

// Whoever fills the memory with sources costs the others nothing, and himself a read for
// each look.
func TestAMirrorIsPutRightThoughItsSourcesContentIsNotKept(t *testing.T) {
	r := newRig(t)
	r.target()
	r.say("a", same)
	r.Ready(configMapsType)
	r.work()
	r.contents.most = r.contents.size
	for n := range 3 {
		u := r.object("flood", api.LabelEnabled, "a")
		u.SetName(fmt.Sprint("large-", n))
		u.SetUID(types.UID(fmt.Sprint("large-", n)))
		u.Object["data"] = map[string]any{"a": strings.Repeat("x", 10_000)}
		r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
	}
	if !r.keptContent() || len(r.contents.at) != 1 {
		t.Fatalf("the small one's is kept: %v, of %d sources", r.keptContent(), len(r.contents.at))
	}
	r.contents.most = 1
	r.say("a", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"a": "new"} })
	var made *unstructured.Unstructured
	r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		made = u
		return u, nil
	}
	if r.work(); made == nil || made.Object["data"].(map[string]any)["a"] != "new" || r.keptContent() {
		t.Errorf("it was made as %v; its content is kept: %v", made, r.keptContent())
	}
	r.loseSource()
	if len(r.contents.at) != 0 || r.contents.size != 0 {
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

// A pointer into a source keeps all of it.
func TestNothingKeepsASourceWhoseContentIsNotKept(t *testing.T) {
	r := newRig(t)
	r.Ready(configMapsType)
	whole := func() weak.Pointer[mirror.Source] {
		src := r.Settings.NewSource(configMapsType.GroupResource(), r.object("src", api.LabelEnabled, "nowhere"))
		r.SourcesOf(configMapsType).Set(src)
		return weak.Make(src)
	}()
	runtime.GC()
	if whole.Value() != nil {
		t.Error("it is still there as it came, with its content")
	}
	runtime.KeepAlive(r)
}
