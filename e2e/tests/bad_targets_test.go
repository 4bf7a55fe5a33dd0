package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestAnItemOfTheTargetsThatCantBeReadStopsTheSource from the first: what was meant is
// not guessed at, so nothing goes out, not even where other items ask for it.
func TestAnItemOfTheTargetsThatCantBeReadStopsTheSource(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a", "team=blue")
	env.Namespace("b")
	env.Start("--resource-types=ConfigMap.v1")
	for i, row := range []struct{ list, bad string }{
		{"PREFIX-a,Not_A_Name", "Not_A_Name"},
		{"PREFIX_b,PREFIX-?", env.Prefix() + "_b"},
		{"PREFIX-[ab]", env.Name("[ab]")},
		{"{a,PREFIX-b", "{a"},
		{"PREFIX-a PREFIX-b,PREFIX-b", env.Name("a") + " " + env.Name("b")},
		{"One,all,Two,!PREFIX-a", "One"},
		{"PREFIX-a," + strings.Repeat("x", 400), "400"},
	} {
		r := kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		env.Apply(source(r, "target-namespaces="+row.list))
		o := env.WaitFor(r, "says which item it is", statusHolds("stopped: "+domain+"target-namespaces: ", row.bad))
		if err := isOneLine(o); err != nil {
			t.Error(err)
		}
		env.WaitForEvent(r, "InvalidAnnotation", row.bad)
		if failed, there := o.GetAnnotations()[domain+"failed-targets"]; there {
			t.Errorf("failed-targets is %q: no target has failed", failed)
		}
		if got := mirrorsOf(env, r); len(got) > 0 {
			t.Errorf("%s: mirrors in %q", row.list, got)
		}
	}
	mended := kit.Object(configMap, src, "row-0")
	env.Apply(source(mended, "target-namespaces=PREFIX-a,PREFIX-b"))
	env.WaitFor(mended, "has nothing more to say", kit.HasStatus("2/2 synced"))
	waitForMirrors(env, mended, "a", "b")
}

// TestManyItemsThatCantBeReadAreToldInFewWords: what an author gets wrong must not
// fill the server with events.
func TestManyItemsThatCantBeReadAreToldInFewWords(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1")
	var list strings.Builder
	for i := range 300 {
		fmt.Fprintf(&list, "Item_%03d,", i)
	}
	env.Apply(source(src, "target-namespaces="+list.String()+"PREFIX-a"))
	o := env.WaitFor(src, "says what is wrong", statusHolds("stopped: ", "Item_000"))
	if err := isOneLine(o); err != nil || len(kit.StatusOf(o)) > 1200 {
		t.Errorf("its status has %d characters, %v", len(kit.StatusOf(o)), err)
	}
	env.WaitForEvent(src, "InvalidAnnotation", "Item_000")
	km.WaitQuiet(500 * time.Millisecond)
	if got := env.Events(src); len(got) != 1 {
		t.Errorf("%d events, want one: %v", len(got), got)
	}

	t.Log("one value that is much too long is not repeated in full")
	env.Apply(source(src, "target-namespaces=PREFIX-a", "max-targets="+strings.Repeat("many", 40<<10)))
	o = env.WaitFor(src, "says what is wrong", statusHolds("stopped: ", domain+"max-targets", "max-targets: it has "))
	if err := isOneLine(o); err != nil || len(kit.StatusOf(o)) > 1200 {
		t.Errorf("its status has %d characters, %v", len(kit.StatusOf(o)), err)
	}
	env.WaitForEvent(src, "InvalidAnnotation", domain+"max-targets")
}
