package tests

import (
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestTargetsOverTheLimitAreLeftOutAndItIsSaid(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	for _, suffix := range []string{"d", "b", "a", "c"} {
		env.Namespace(suffix)
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--max-targets=2")
	env.Apply(source(src, "target-namespaces=all"))
	env.WaitFor(src, "says what is left out", statusHolds("2/4 synced: ", "maximum targets", "2"))
	waitForMirrors(env, src, "a", "b") // the first ones by name
	event := env.WaitForEvent(src, "TargetLimitExceeded", "maximum targets")
	if event.Type != "Warning" || !strings.Contains(event.Note, src.Namespace+"/settings") || !strings.Contains(event.Note, "max-targets") {
		t.Errorf("the event is %q: want a warning that names the source and what to do", event)
	}
	line := lineWith(km.Log(), "maximum targets")
	if !strings.Contains(line, src.Namespace+"/settings") {
		t.Errorf("no line of the log says maximum targets and names the source; it says:\n%s", km.Log())
	}
	// What is left out has not failed.
	if failed, there := env.Get(src).GetAnnotations()[domain+"failed-targets"]; there {
		t.Errorf("failed-targets is %q", failed)
	}

	t.Log("fewer targets: nothing is said any more")
	env.Annotate(src, domain+"target-namespaces=PREFIX-a,PREFIX-b")
	env.WaitFor(src, "is in sync", kit.HasStatus("2/2 synced"))
}

func TestTheChoiceOfTargetsUnderTheLimitIsStable(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("m")
	env.Namespace("n")
	flags := []string{"--resource-types=ConfigMap.v1", "--max-targets=3"}
	km := env.Start(flags...)
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "m", "n")

	t.Log("namespaces that come later displace nobody, wherever they stand by name")
	env.Namespace("z")
	waitForMirrors(env, src, "m", "n", "z")
	env.Namespace("a")
	env.WaitFor(src, "has one target too many", statusHolds("3/4 synced"))
	env.Namespace("b")
	env.WaitFor(src, "has two targets too many", statusHolds("3/5 synced"))
	waitForMirrors(env, src, "m", "n", "z")

	t.Log("a change of the content reaches just the chosen ones")
	mark := env.Mark()
	env.Patch(src, `{"data":{"key":"changed"}}`)
	for _, suffix := range []string{"m", "n", "z"} {
		env.WaitFor(src.In(env.Name(suffix)), "has the change", hasData("changed"))
	}
	km.WaitQuiet(200 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) != 3 {
		t.Errorf("3 mirrors had to change, and the writes were:\n%s", writes)
	}

	t.Log("a restart keeps the choice, and writes nothing")
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	mark = env.Mark()
	km = env.Start(flags...)
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("after a restart it wrote:\n%s", writes)
	}
	waitForMirrors(env, src, "m", "n", "z")

	t.Log("a place that becomes free is filled, in the order of names, and the others stay")
	mark = env.Mark()
	env.Label(namespace(env.Name("n")), allowMirrors+"=false")
	waitForMirrors(env, src, "a", "m", "z")
	env.WaitFor(src, "has one target too many", statusHolds("3/4 synced"))
	env.Delete(namespace(env.Name("z")))
	env.WaitFor(src.In(env.Name("b")), "is there", kit.Exists) // z takes seconds to go; nobody waits for it
	env.WaitFor(src, "is in sync", kit.HasStatus("3/3 synced"))
	env.Label(namespace(env.Name("n")), allowMirrors+"-")
	env.WaitFor(src, "has one target too many", statusHolds("3/4 synced"))
	env.Get(src.In(env.Name("a")))
	if env.Find(src.In(env.Name("n"))) != nil {
		t.Error("a namespace that is free again took the place of another one")
	}
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Namespaces: []string{env.Name("m")}}); len(writes) > 0 {
		t.Errorf("a mirror that had nothing to do with it was written:\n%s", writes)
	}
}

func TestASourceMayLowerItsLimitAndNotRaiseIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	other := kit.Object(configMap, src.Namespace, "other")
	for _, suffix := range []string{"a", "b", "c", "d"} {
		env.Namespace(suffix)
	}
	env.Start("--resource-types=ConfigMap.v1", "--max-targets=3")
	env.Apply(source(other, "target-namespaces=all"))
	for _, step := range []struct {
		limit  string
		want   []string
		status string
	}{
		{"max-targets=1", []string{"a"}, "1/4 synced: "},
		{"max-targets=2", []string{"a", "b"}, "2/4 synced: "},
		{"max-targets=100", []string{"a", "b", "c"}, "3/4 synced: "}, // no more than the flag
		{"max-targets=3", []string{"a", "b", "c"}, "3/4 synced: "},
		{"max-targets=1", []string{"a"}, "1/4 synced: "},
		{"max-targets=0", nil, "0/4 synced: "},
		{"", []string{"a", "b", "c"}, "3/4 synced: "}, // none of its own
	} {
		asks := []string{"target-namespaces=all"}
		if step.limit != "" {
			asks = append(asks, step.limit)
		}
		env.Apply(source(src, asks...))
		waitForMirrors(env, src, step.want...)
		env.WaitFor(src, "tells of what is left out", statusHolds(step.status, "maximum targets"))
	}
	waitForMirrors(env, other, "a", "b", "c") // one source's limit is no other's
}

func TestTheLimitCountsOnlyNamespacesThatLetTheSourceIn(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a", allowMirrors+"=false")
	env.Namespace("b")
	env.Namespace("c")
	env.Start("--resource-types=ConfigMap.v1", "--max-targets=2")
	env.Apply(source(src, "target-namespaces=all,PREFIX-nowhere"))
	env.WaitFor(src, "is in sync but for the name", kit.HasStatus(`2/3 synced: no namespace "`+env.Name("nowhere")+`"`))
	waitForMirrors(env, src, "b", "c")
}

func TestALimitThatIsLoweredAcrossARestartRemovesTheMirrorsBeyondIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	for _, suffix := range []string{"a", "b", "c"} {
		env.Namespace(suffix)
	}
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "b", "c")
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	km = env.Start("--resource-types=ConfigMap.v1", "--max-targets=2")
	waitForMirrors(env, src, "a", "b")
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	env.Start("--resource-types=ConfigMap.v1", "--max-targets=10")
	waitForMirrors(env, src, "a", "b", "c")
	env.WaitFor(src, "is in sync", kit.HasStatus("3/3 synced"))
}
