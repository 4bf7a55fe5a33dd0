package tests

import (
	"slices"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

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
	env.WaitFor(ref("paused"), "is paused", kit.HasStatus("paused"))
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

	t.Log("another value that refuses, if it could be read: nothing comes")
	env.Label(namespace(closed), allowMirrors+"=no")
	env.WaitForEvent(namespace(closed), "InvalidConsent", allowMirrors)
	env.WaitFor(ref("name"), "says so", statusHolds("1/1 synced: "+closed+": the namespace's "+allowMirrors))
	for _, r := range append(healthy, still...) {
		if env.Find(r.In(closed)) != nil {
			t.Errorf("%s has a mirror there", r)
		}
	}

	t.Log("taken off: mirrors come, but for sources that stand still")
	env.Label(namespace(closed), allowMirrors+"-")
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
	env.WaitFor(src, "is paused", kit.HasStatus("paused"))
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
	env.WaitFor(paused, "is paused", kit.HasStatus("paused"))
	env.WaitFor(paused.In(b), "is there", kit.Exists)
}
