package tests

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const ourFinalizer = domain + "finalizer"

// hasFinalizers is the check of an object with just these, in this order.
func hasFinalizers(want ...string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		if got := o.GetFinalizers(); !slices.Equal(got, want) {
			return fmt.Errorf("its finalizers are %q, want %q", got, want)
		}
		return nil
	}
}

// TestTheFinalizerIsWhereThereAreMirrors has one source for each row.
func TestTheFinalizerIsWhereThereAreMirrors(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	const theirs = "example.com/theirs"
	rows := map[string]struct {
		says string
		asks []string
		want []string
	}{
		"targets": {"it has a target", []string{"target-namespaces=PREFIX-a"}, []string{theirs, ourFinalizer}},
		"none":    {"it asks for no target", nil, []string{theirs}},
		"absent":  {"it asks for a namespace that is not there", []string{"target-namespaces=PREFIX-nowhere"}, []string{theirs}},
		"limit":   {"its limit is zero", []string{"target-namespaces=all", "max-targets=0"}, []string{theirs}},
		"paused":  {"it was paused from the start", []string{"target-namespaces=all", "paused=true"}, []string{theirs}},
		"broken":  {"it can't be read", []string{"target-selector=="}, []string{theirs}},
	}
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	for name, row := range rows {
		env.Apply(strings.Replace(source(ref(name), row.asks...), `"metadata":{`, `"metadata":{"finalizers":["`+theirs+`"],`, 1))
	}
	env.Start("--resource-types=ConfigMap.v1")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		env.WaitFor(ref(name), "has been looked at", func(o *unstructured.Unstructured) error {
			if kit.StatusOf(o) == "" {
				return errors.New("it has no status")
			}
			return nil
		})
		if err := hasFinalizers(rows[name].want...)(env.Get(ref(name))); err != nil {
			t.Errorf("%s: %v", rows[name].says, err)
		}
	}

	t.Log("it comes and goes with the targets, and leaves what others put there")
	env.Annotate(ref("targets"), domain+"target-namespaces=")
	env.WaitFor(ref("targets"), "has no finalizer of ours", hasFinalizers(theirs))
	env.Annotate(ref("targets"), domain+"target-namespaces=all")
	env.WaitFor(ref("targets"), "has it again", hasFinalizers(theirs, ourFinalizer))
	env.Patch(ref("targets"), `{"metadata":{"finalizers":[]}}`)
	env.WaitFor(ref("targets"), "has it again when it is stripped", hasFinalizers(ourFinalizer))
	env.Patch(ref("targets"), `{"metadata":{"finalizers":["`+theirs+`", "`+ourFinalizer+`"]}}`)

	t.Log("a deletion that somebody else holds up takes the mirrors and brings none back")
	env.Delete(ref("targets"))
	env.WaitGone(ref("targets").In(env.Name("a")))
	env.WaitFor(ref("targets"), "waits for the other finalizer", hasFinalizers(theirs))
	env.Patch(ref("targets"), `{"data":{"key":"changed"}}`)
	env.Annotate(ref("none"), domain+"target-namespaces=all")
	waitForMirrors(env, ref("none"), "a")
	if got := mirrorsOf(env, ref("targets")); len(got) > 0 {
		t.Errorf("mirrors in %q", got)
	}
	env.Patch(ref("targets"), `{"metadata":{"finalizers":null}}`)
	env.WaitGone(ref("targets"))
}
