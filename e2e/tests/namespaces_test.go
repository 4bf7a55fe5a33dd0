package tests

import (
	"errors"
	"fmt"
	"slices"
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
		env.WaitFor(kit.Object(configMap, src, name), "has no target yet", statusHolds("0/0 synced: "))
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
	env.WaitFor(src, "doesn't count the namespace", hasStatus("1/1 synced"))
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
	env.Label(namespace(b), allowMirrors+"=yes") // only "true" opts in
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

// TestANamespaceRefusesEveryMirror has sources of all sorts with a mirror in the
// namespace when it begins to refuse them.
func TestANamespaceRefusesEveryMirror(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	closed := env.Namespace("closed")
	env.Namespace("open")
	env.Start("--resource-types=ConfigMap.v1")
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	healthy := []kit.Ref{ref("name"), ref("glob"), ref("all"), ref("selector")}
	env.Apply(source(ref("name"), "target-namespaces=PREFIX-closed,PREFIX-open"))
	env.Apply(source(ref("glob"), "target-namespaces=PREFIX-*"))
	env.Apply(source(ref("all"), "target-namespaces=all"))
	env.Apply(source(ref("selector"), "target-selector=kubernetes.io/metadata.name in (PREFIX-open, PREFIX-closed)"))
	still := []kit.Ref{ref("paused"), ref("malformed")}
	for _, r := range still {
		env.Apply(source(r, "target-namespaces=all"))
	}
	for _, r := range append(still, healthy...) {
		waitForMirrors(env, r, "closed", "open")
	}
	env.Annotate(ref("paused"), domain+"paused=true")
	env.Annotate(ref("malformed"), domain+"max-targets=many")
	env.WaitFor(ref("paused"), "is paused", hasStatus("paused"))
	env.WaitFor(ref("malformed"), "is stopped", statusHolds("stopped"))

	env.Label(namespace(closed), allowMirrors+"=false")
	for _, r := range healthy {
		waitForMirrors(env, r, "open")
	}
	for _, r := range still {
		env.WaitGone(r.In(closed))
		env.Get(r.In(env.Name("open")))
	}
	t.Log("a source that is made now stays out too, and so does one that is made anew")
	env.Apply(source(ref("late"), "target-namespaces=PREFIX-open,PREFIX-closed"))
	waitForMirrors(env, ref("late"), "open")

	t.Log("taken off, or another value: mirrors come, but for sources that stand still")
	env.Label(namespace(closed), allowMirrors+"=no")
	for _, r := range append(healthy, ref("late")) {
		waitForMirrors(env, r, "closed", "open")
	}
	for _, r := range still {
		if env.Find(r.In(closed)) != nil {
			t.Errorf("%s has a new mirror", r)
		}
	}
	env.Annotate(ref("paused"), domain+"paused-")
	env.Annotate(ref("malformed"), domain+"max-targets-")
	for _, r := range still {
		waitForMirrors(env, r, "closed", "open")
	}
}

// TestANamespaceLetsInSourcesOfSomeNamespacesOnly has one source in each of three
// namespaces.
func TestANamespaceLetsInSourcesOfSomeNamespacesOnly(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	home := env.Namespace("home")
	env.Namespace("other")
	env.Start("--resource-types=ConfigMap.v1")
	teams := []string{"team-a", "team-b", "ops"}
	for _, team := range teams {
		src := kit.Object(configMap, env.Namespace(team), "of-"+team)
		env.Apply(source(src, "target-namespaces=PREFIX-home,PREFIX-other"))
		waitForMirrors(env, src, "home", "other")
	}
	for _, step := range []struct {
		change string
		lets   []string
	}{
		{"=PREFIX-team-a", []string{"team-a"}},
		{"=PREFIX-team-*", []string{"team-a", "team-b"}},
		{"= PREFIX-ops , PREFIX-team-?", []string{"ops", "team-a", "team-b"}},
		{"=PREFIX-ops", []string{"ops"}},
		{"=", nil},
		{"=PREFIX-nobody,PREFIX-team-b", []string{"team-b"}},
		{"=Not_A_Name,PREFIX-team-a", []string{"team-a"}}, // what can't be read lets nobody in
		{"-", teams},
	} {
		env.Annotate(namespace(home), allowFrom+step.change)
		for _, team := range teams {
			src := kit.Object(configMap, env.Name(team), "of-"+team)
			want := []string{"other"}
			if slices.Contains(step.lets, team) {
				want = []string{"home", "other"}
			}
			waitForMirrors(env, src, want...)
		}
		t.Logf("allow-from%s is right", step.change)
	}
}

func TestAConsentThatIsWithdrawnRemovesMirrorsOfAPausedSource(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	home := env.Namespace("home")
	env.Namespace("other")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "home", "other")
	env.Annotate(src, domain+"paused=true")
	env.WaitFor(src, "is paused", hasStatus("paused"))
	env.Annotate(namespace(home), allowFrom+"=somebody-else")
	env.WaitGone(src.In(home))
	env.Get(src.In(env.Name("other")))
}

func TestARefusalMadeWhileNobodyLookedIsHonouredAtTheStart(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	paused := kit.Object(configMap, src.Namespace, "paused")
	a, b := env.Namespace("a"), env.Namespace("b")
	km := env.Start("--resource-types=ConfigMap.v1")
	for _, r := range []kit.Ref{src, paused} {
		env.Apply(source(r, "target-namespaces=all"))
		waitForMirrors(env, r, "a", "b")
	}
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	env.Annotate(paused, domain+"paused=true")
	env.Label(namespace(a), allowMirrors+"=false")
	env.Start("--resource-types=ConfigMap.v1")
	waitForMirrors(env, src, "b")
	env.WaitGone(paused.In(a))
	env.WaitFor(paused, "is paused", hasStatus("paused"))
	env.WaitFor(paused.In(b), "is there", kit.Exists)
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
		return hasStatus("1/1 synced")(o)
	})
	env.Get(src.In(env.Name("stays")))
}
