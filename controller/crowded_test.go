package controller

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
)

// crowd puts more finalizers on a source than are kept, beside ours if there is to be one.
func crowd(ours ...string) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		all := ours
		for n := range 300 {
			all = append(all, fmt.Sprintf("example.com/%d-%s", n, strings.Repeat("x", 40)))
		}
		u.SetFinalizers(all)
	}
}

func TestASourceWithMoreFinalizersThanAreKeptIsToldSoAndLosesNoneOfThem(t *testing.T) {
	for it, c := range map[string]struct {
		has    []string
		change func(*unstructured.Unstructured)
		wrote  string
		kept   int // of the finalizers that are others', in what was written
	}{
		"it has none of ours":               {nil, same, `stopped: metadata.finalizers: they have`, 0},
		"it has ours, and no mirrors":       {[]string{api.Finalizer}, same, `stopped: metadata.finalizers: they have`, 300},
		"it has ours and is turned off":     {[]string{api.Finalizer}, turnedOff, `"finalizers":["example.com/0-`, 300},
		"it has ours and is being deleted":  {[]string{api.Finalizer}, goes, `"finalizers":["example.com/0-`, 300},
		"it has none and is being deleted":  {nil, goes, ``, 0},
		"it has none and drops its targets": {nil, func(u *unstructured.Unstructured) { annotate(u, api.AnnotationTargetNamespaces, "") }, `stopped: metadata.finalizers: they have`, 0},
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.target()
			r.Ready(configMapsType)
			r.say("a", func(u *unstructured.Unstructured) { crowd(c.has...)(u); c.change(u) })
			r.inPlace = mirrortest.MetadataOf(r.source)
			r.rest()
			written := strings.Join(r.patched, "\n")
			if !strings.Contains(written, c.wrote) || strings.Count(written, "example.com/") != c.kept || r.puts != 0 || r.creates != 0 {
				t.Errorf("written is %.300q, with %d of others' finalizers; %d mirrors", written, strings.Count(written, "example.com/"), r.creates)
			}
		})
	}
}

func TestASourceWithManyFinalizersThatHasChangedIsLeftAlone(t *testing.T) {
	r := newRig(t)
	r.Ready(configMapsType)
	r.say("a", func(u *unstructured.Unstructured) { crowd(api.Finalizer)(u); goes(u) })
	r.source.SetResourceVersion(r.next())
	r.inPlace = mirrortest.MetadataOf(r.source)
	r.rest()
	if len(r.patched) != 0 {
		t.Errorf("written is %.300q", r.patched)
	}
}
