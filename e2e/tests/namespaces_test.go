package tests

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestANamespaceCreatedLaterGetsWhatSourcesAskForIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Start("--resource-types=ConfigMap.v1")
	asks := map[string]string{
		"name":     "target-namespaces=PREFIX-late",
		"glob":     "target-namespaces=PREFIX-la?e",
		"all":      "target-namespaces=all",
		"labelled": "target-namespaces=all-labeled",
		"selector": "target-selector=team=blue",
		"both":     "target-namespaces=PREFIX-l*,!PREFIX-late",
	}
	for name, ask := range asks {
		env.Apply(source(kit.Object(configMap, src, name), ask))
	}
	for name := range asks {
		env.WaitFor(kit.Object(configMap, src, name), "has no target yet", statusHolds("0/", " synced: "))
	}

	env.Namespace("late", "team=blue", allowMirrors+"=true")
	for name := range asks {
		if name == "both" {
			continue
		}
		waitForMirrors(env, kit.Object(configMap, src, name), "late")
	}
	waitForMirrors(env, kit.Object(configMap, src, "both"))
}

func TestOneNamespaceRemovedLeavesTheCopiesElsewhereAloneAndIsServedWhenMadeAgain(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	byName := kit.Object(configMap, src.Namespace, "by-name")
	goes := env.Namespace("goes")
	others := []string{env.Namespace("a"), env.Namespace("b")}
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	env.Apply(source(byName, "target-namespaces=PREFIX-goes,PREFIX-a,PREFIX-b"))
	waitForMirrors(env, src, "a", "b", "goes")
	waitForMirrors(env, byName, "a", "b", "goes")
	before := env.Get(src.In(goes)).GetUID()

	mark := env.Mark()
	env.Delete(namespace(goes))
	waitForNamespaceToGo(env, goes)
	waitForMirrors(env, src, "a", "b")
	waitForMirrors(env, byName, "a", "b")

	env.Namespace("goes")
	waitForMirrors(env, src, "a", "b", "goes")
	waitForMirrors(env, byName, "a", "b", "goes")
	if env.Get(src.In(goes)).GetUID() == before {
		t.Error("the mirror is the one of the namespace that was deleted")
	}
	if elsewhere := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Namespaces: others}); len(elsewhere) > 0 {
		t.Errorf("one namespace went and came back, and in others there were:\n%s", elsewhere)
	}
}

func TestANamespaceWithASourceIsDeletedAndItsMirrorsGoWithIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	other := kit.Object(configMap, env.Namespace("other"), "settings-too")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	env.Apply(source(other, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "other")
	waitForMirrors(env, other, "a", "src")

	env.Delete(namespace(src.Namespace))
	waitForNamespaceToGo(env, src.Namespace) // nothing of ours holds it up
	if got := mirrorsOf(env, src); len(got) > 0 {
		t.Errorf("mirrors left in %q", got)
	}
	waitForMirrors(env, other, "a")

	t.Log("and all is well when it is made again")
	env.Namespace("src")
	waitForMirrors(env, other, "a", "src")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "other")
}

// TestATerminatingNamespaceIsNobodysProblem holds a namespace in its deletion by an
// object with a finalizer, while its mirror is deleted with the rest and the source
// changes.
func TestATerminatingNamespaceIsNobodysProblem(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	goes, stays := env.Namespace("goes"), env.Namespace("stays")
	held := kit.Object("Secret", goes, "held")
	env.Apply(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "PREFIX-goes", "name": "held", "finalizers": ["example.com/held"]}}`)
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "goes", "stays")
	log, mark := km.Log(), env.Mark()

	env.Delete(namespace(goes))
	env.Within(2 * time.Minute).WaitGone(src.In(goes)) // the namespace's content goes, the one Secret apart
	env.Patch(src, `{"data":{"key":"changed"}}`)
	env.WaitFor(src.In(stays), "has the change", hasData("changed"))
	env.WaitFor(src, "doesn't count the namespace", kit.HasStatus("1/1 synced"))
	km.WaitQuiet(time.Second)
	if phase, _, _ := unstructured.NestedString(env.Get(namespace(goes)).Object, "status", "phase"); phase != "Terminating" {
		t.Fatalf("the namespace is %q", phase)
	}
	// A write that crossed the namespace's deletion is no loop, two of them are.
	if asked := km.Since(mark).Where(audit.Filter{Namespaces: []string{goes}}); len(asked) > 1 {
		t.Errorf("in the namespace that terminates there were:\n%s", asked)
	}
	if got := km.Log(); got != log {
		t.Errorf("it logged at V(0):\n%s", got[len(log):])
	}
	if events := env.Events(src); len(events) > 0 {
		t.Errorf("events %v", events)
	}

	env.Patch(held, `{"metadata":{"finalizers":null}}`)
	waitForNamespaceToGo(env, goes)
	env.Namespace("goes")
	waitForMirrors(env, src, "goes", "stays")
	env.WaitFor(src.In(goes), "has the change", hasData("changed"))
	if got := km.Log(); got != log {
		t.Errorf("it logged at V(0):\n%s", got[len(log):])
	}
}

func TestANamespaceOptsInToAllLabeledAndOutOfIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a, b := env.Namespace("a", allowMirrors+"=true"), env.Namespace("b")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all-labeled"))
	waitForMirrors(env, src, "a")

	env.Label(namespace(b), allowMirrors+"=true")
	waitForMirrors(env, src, "a", "b")
	env.Label(namespace(a), allowMirrors+"-")
	waitForMirrors(env, src, "b")
	env.Label(namespace(b), allowMirrors+"=yes") // neither "true" nor "false": nothing comes, and nothing goes
	env.WaitFor(src, "says what can't be read", statusHolds("0/0 synced: "+b+": the namespace's "+allowMirrors))
	env.Get(src.In(b))
	env.Label(namespace(b), allowMirrors+"-")
	waitForMirrors(env, src)
	env.Label(namespace(a), allowMirrors+"=true")
	waitForMirrors(env, src, "a")
	env.Label(namespace(a), allowMirrors+"=false")
	waitForMirrors(env, src)
}

func TestALabelThatASelectorMatchesIsPutOnANamespaceAndTakenOff(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a := env.Namespace("a")
	env.Namespace("b", "team=blue")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-selector=team=blue"))
	waitForMirrors(env, src, "b")
	env.Label(namespace(a), "team=blue")
	waitForMirrors(env, src, "a", "b")
	env.Label(namespace(a), "team=red")
	waitForMirrors(env, src, "b")
}

func TestMirrorsComeAndGoWithNamespacesInGreatNumber(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("stays")
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "stays")
	want := []string{"stays"}
	for i := range 20 {
		want = append(want, fmt.Sprintf("many-%02d", i))
		env.Namespace(want[len(want)-1])
	}
	waitForMirrors(env, src, want...)
	for _, suffix := range want[1:] {
		env.Delete(namespace(env.Name(suffix)))
	}
	env.WaitFor(src, "counts the one that is left", func(o *unstructured.Unstructured) error {
		if km.Ended() {
			return errors.New("the process has ended")
		}
		return kit.HasStatus("1/1 synced")(o)
	})
	env.Get(src.In(env.Name("stays")))
}
