package tests

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func writesOf(resource string) audit.Filter {
	return audit.Filter{Verbs: audit.Writes, Resources: []string{resource}}
}

// TestAMirrorWhoseNewNameIsTakenStaysUpToDateUntilItIsFree has a source whose target-name
// moves to a name that somebody's object has in one of its namespaces, and another's
// mirror in the other.
func TestAMirrorWhoseNewNameIsTakenStaysUpToDateUntilItIsFree(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a, b := env.Namespace("a"), env.Namespace("b")
	other := kit.Object(configMap, env.Namespace("src2"), "better")
	waits := kit.Object(configMap, other.Namespace, "settings")
	km := env.Start("--resource-types=ConfigMap.v1")
	foreign := kit.Object(configMap, a, "better")
	left := env.Apply(foreignObject(foreign, "")).GetResourceVersion()
	env.Apply(kit.Source(other, "other", "target-namespaces=PREFIX-b"))
	env.WaitFor(other, "is mirrored", kit.HasStatus("1/1 synced"))
	env.Apply(source(src, "target-namespaces=PREFIX-a,PREFIX-b"))
	env.WaitFor(src, "is mirrored", kit.HasStatus("2/2 synced"))
	old := map[string]string{a: string(env.Get(src.In(a)).GetUID()), b: string(env.Get(src.In(b)).GetUID())}

	env.Annotate(src, domain+"target-name=better")
	env.WaitFor(src, "tells what is in the way, and what stays", statusHolds("0/2 synced: ",
		`is there and is no mirror of this source`, `is there as the mirror of `+other.Namespace+"/"+other.Name,
		`until then its mirror stays, and is kept up to date, under the former name "settings"`))
	env.WaitForEvent(src, "ForeignObject", `under the former name "settings"`)
	env.WaitForEvent(src, "NameTaken", `under the former name "settings"`)
	for _, value := range []string{"changed", "changed again"} {
		env.Patch(src, `{"data":{"key":"`+value+`"}}`)
		for namespace, uid := range old {
			if o := env.WaitFor(src.In(namespace), "follows its source", hasData(value)); string(o.GetUID()) != uid {
				t.Errorf("the mirror in %s was made anew", namespace)
			}
		}
	}
	if got := env.Get(foreign).GetResourceVersion(); got != left {
		t.Error("what is in the way was written to")
	}

	t.Log("the former name is taken, for others")
	env.Apply(kit.Source(waits, "waits", "target-namespaces=PREFIX-a"))
	env.WaitFor(waits, "is told", statusHolds("0/1 synced: ", "is there as the mirror of "+src.Namespace+"/settings"))

	t.Log("a restart changes nothing of that")
	km.Kill()
	mark := env.Mark()
	km = env.Start("--resource-types=ConfigMap.v1")
	env.Patch(src, `{"data":{"key":"after the restart"}}`)
	for namespace := range old {
		env.WaitFor(src.In(namespace), "follows its source", hasData("after the restart"))
	}
	if writes := km.Since(mark); len(writes.Where(writesOf("configmaps"))) != len(old) {
		t.Errorf("for two mirrors it wrote:\n%s", writes.Where(writesOf("configmaps")))
	}

	t.Log("what is in the way goes: the new mirror comes, then the former one goes, and makes room")
	env.Delete(foreign)
	env.WaitFor(kit.Object(configMap, a, "better"), "is there", hasData("after the restart"))
	env.WaitFor(src.In(a), "is the other's", hasData("waits"))
	env.WaitFor(src, "tells of the other alone", statusHolds("1/2 synced: ", "as the mirror of"))
	env.Annotate(src, domain+"target-name-")
	env.WaitFor(waits, "keeps what it has", kit.HasStatus("1/1 synced"))
	env.WaitFor(src, "keeps, in turn, what it has", statusHolds("1/2 synced: ", "as the mirror of "+waits.Namespace, `under the former name "better"`))
}
