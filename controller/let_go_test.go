package controller

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
)

// A patch that takes off the last finalizer may delete another object of the name.
func TestTheLastFinalizerOfWhatIsBeingDeletedGoesByAPut(t *testing.T) {
	byOthersToo := func(u *unstructured.Unstructured) { u.SetFinalizers([]string{"example.com/theirs", api.Finalizer}) }
	for it, c := range map[string]struct {
		change          func(*unstructured.Unstructured)
		found           func(*unstructured.Unstructured) // what is there by then
		puts, atMostOne int
	}{
		"it is the last":                {goes, same, 1, 1},
		"others hold it too":            {func(u *unstructured.Unstructured) { goes(u); byOthersToo(u) }, same, 0, 1},
		"it is not being deleted":       {turnedOff, same, 0, 1},
		"it is another object by now":   {goes, func(u *unstructured.Unstructured) { u.SetUID("another") }, 0, 0},
		"others hold it too by now":     {goes, byOthersToo, 0, 0},
		"it has lost it by now":         {goes, func(u *unstructured.Unstructured) { u.SetFinalizers(nil) }, 0, 0},
		"one that is made anew is here": {goes, func(u *unstructured.Unstructured) { u.SetDeletionTimestamp(nil) }, 0, 0},
	} {
		t.Run(it, func(t *testing.T) {
			r := synced(t)
			r.say("", c.change)
			c.found(r.source)
			r.patches = 0
			r.work()
			if r.puts != c.puts || r.patches > c.atMostOne || c.puts == 0 && c.atMostOne == 1 && r.patches == 0 {
				t.Errorf("%d puts among %d writes on the source: %q", r.puts, r.patches, r.patched)
			}
		})
	}
}

func TestWhatIsPutInThePlaceOfASourceIsWhatWasReadLessOurFinalizer(t *testing.T) {
	r := synced(t)
	strange := map[string]any{"number": int64(1) << 62, "fraction": 0.1, "list": []any{nil, "x"}}
	r.say("", func(u *unstructured.Unstructured) { goes(u); u.Object["unknown"] = strange })
	want := r.source.DeepCopy()
	want.SetFinalizers([]string{})
	r.work()
	if r.puts != 1 {
		t.Fatalf("%d puts", r.puts)
	}
	got, err := mirrortest.ReadBody("application/json", []byte(r.patched[len(r.patched)-1]))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	if b, _ := json.Marshal(want); string(a) != string(b) {
		t.Errorf("put\n%s\nwant\n%s", a, b)
	}
	if got.GetUID() == "" || got.GetResourceVersion() == "" {
		t.Error("it names no version, and would meet any")
	}
}

func TestAnObjectThatIsNoSourceAnyMoreAndGoesIsLetGoByAPut(t *testing.T) {
	r := synced(t)
	r.say("", same)
	live := r.source.DeepCopy()
	live.SetLabels(nil)
	goes(live)
	r.source, r.inPlace = live, mirrortest.MetadataOf(live)
	r.SourcesOf(configMapsType).Gone(r.Settings.NewSource(live), r.next())
	r.work()
	if r.puts != 1 {
		t.Errorf("%d puts; written on the source: %q", r.puts, r.patched)
	}
}
