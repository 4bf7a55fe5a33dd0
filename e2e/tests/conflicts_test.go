package tests

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// foreignObject is somebody's ConfigMap; its metadata may have more, as JSON.
func foreignObject(r kit.Ref, metadata string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": %q, "name": %q%s}, "data": {"key": "theirs"}}`,
		r.Namespace, r.Name, metadata)
}

// hasFailedIn is the check of a source that failed in just these namespaces.
func hasFailedIn(namespaces ...string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		got, there := o.GetAnnotations()[domain+"failed-targets"]
		if got != strings.Join(namespaces, ",") || there != (len(namespaces) > 0) {
			return fmt.Errorf("its failed-targets are %q (there: %v), want %q", got, there, namespaces)
		}
		return nil
	}
}

// TestObjectsInTheWayAreReportedAndLeftAlone has one of each sort in the way, and
// removes one after the other.
func TestObjectsInTheWayAreReportedAndLeftAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("free")
	inTheWay := []struct{ says, metadata string }{
		{"an ordinary object", ``},
		{"one with the labels of the source", `, "labels": {"team": "blue", "kubemirror.raczylo.com/enabled": "true"}`},
		{"one that names the source, without the label", `, "annotations": {"kubemirror.raczylo.com/source-namespace": "` + src.Namespace + `", "kubemirror.raczylo.com/source-name": "settings"}`},
		{"one with the label that names no source", `, "labels": {"kubemirror.raczylo.com/mirror": "true"}`},
		{"one with another value of the label", `, "labels": {"kubemirror.raczylo.com/mirror": "yes"}`},
		{"a mirror from before of a source that is not this process's", `, "labels": {"kubemirror.raczylo.com/mirror": "true"}, "annotations": {"kubemirror.raczylo.com/source-namespace": "default", "kubemirror.raczylo.com/source-name": "settings"}`},
		{"the mirror of a source that is not this process's", `, "labels": {"kubemirror.raczylo.com/mirror": "true"}, "annotations": {"kubemirror.raczylo.com/mirror-id": "configmaps/PREFIX-n6/settings", "kubemirror.raczylo.com/source-namespace": "default", "kubemirror.raczylo.com/source-name": "settings"}`},
		{"a copy of another mirror of the source", `, "labels": {"kubemirror.raczylo.com/mirror": "true"}, "annotations": {"kubemirror.raczylo.com/mirror-id": "configmaps/PREFIX-free/settings", "kubemirror.raczylo.com/source-namespace": "` + src.Namespace + `", "kubemirror.raczylo.com/source-name": "settings"}`},
		{"a mirror made a source", `, "labels": {"kubemirror.raczylo.com/mirror": "true", "kubemirror.raczylo.com/enabled": "true"}, "annotations": {"kubemirror.raczylo.com/mirror-id": "configmaps/PREFIX-n8/settings", "kubemirror.raczylo.com/source-namespace": "` + src.Namespace + `", "kubemirror.raczylo.com/source-name": "settings"}`},
	}
	refs := make([]kit.Ref, len(inTheWay))
	left := map[kit.Ref]string{}
	for i, object := range inTheWay {
		refs[i] = src.In(env.Namespace(fmt.Sprintf("n%d", i)))
		left[refs[i]] = env.Apply(foreignObject(refs[i], object.metadata)).GetResourceVersion()
	}
	check := func() {
		t.Helper()
		for r, version := range left {
			if got := env.Get(r); got.GetResourceVersion() != version {
				t.Errorf("%s was written to: %v", r, got)
			}
		}
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(plainSource(src))
	env.Annotate(src, domain+"target-namespaces=all")
	namespaces := func() (list []string) {
		for r := range left {
			list = append(list, r.Namespace)
		}
		slices.Sort(list)
		return list
	}
	tells := func() {
		t.Helper()
		env.WaitFor(src, "counts what is mirrored", statusHolds(fmt.Sprintf("%d/%d synced: ", 1+len(refs)-len(left), 1+len(refs)), namespaces()[0]))
		env.WaitFor(src, "lists what is not", hasFailedIn(namespaces()...))
	}
	tells()
	env.WaitForEvent(src, "ForeignObject", namespaces()[0])
	env.WaitFor(src.In(env.Name("free")), "is mirrored all the same", isCopyOf(env.Get(src)))
	check()

	t.Log("a change of the source and of what is in the way, and a restart, change nothing of that")
	env.Patch(src, `{"data":{"key":"changed"}}`)
	env.WaitFor(src.In(env.Name("free")), "has the change", hasData("changed"))
	env.Patch(refs[0], `{"data":{"key":"theirs, changed"}}`)
	left[refs[0]] = env.Get(refs[0]).GetResourceVersion()
	km.WaitQuiet(500 * time.Millisecond)
	check()
	km.Kill()
	mark := env.Mark()
	km = env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	check()

	t.Log("each that goes makes room within seconds")
	for _, i := range []int{0, 3, 5, 6, 7} {
		env.Delete(refs[i])
		delete(left, refs[i])
		env.Within(5*time.Second).WaitFor(refs[i], "is a mirror, since what was in the way is gone: "+inTheWay[i].says, isCopyOf(env.Get(src)))
		tells()
	}

	t.Log("those that are there when the source goes, stay")
	env.Delete(src)
	env.WaitGone(src)
	waitForNoMirrors(env, src)
	check()
}

func TestAnObjectThatCameInTheWayWhileNobodyLooked(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a, b := src.In(env.Namespace("a")), src.In(env.Namespace("b"))
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(plainSource(src))
	waitForMirrors(env, src, "a", "b")
	km.Kill()
	env.Delete(a)
	env.WaitGone(a)
	left := env.Apply(foreignObject(a, "")).GetResourceVersion()
	env.Delete(b)

	km = env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.WaitFor(src, "says so", statusHolds("1/2 synced: "+a.Namespace+": "))
	env.WaitFor(src, "lists it", hasFailedIn(a.Namespace))
	env.WaitForEvent(src, "ForeignObject", a.Namespace)
	env.WaitFor(b, "is back", isCopyOf(env.Get(src)))
	if got := env.Get(a).GetResourceVersion(); got != left {
		t.Error("the object in the way was written to")
	}

	t.Log("and one that went while nobody looked")
	km.Kill()
	env.Delete(a)
	env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.WaitFor(src, "says that all is well", kit.HasStatus("2/2 synced"))
	env.WaitFor(src, "has no failed targets", hasFailedIn())
	env.WaitFor(a, "is back", isCopyOf(env.Get(src)))
}

// TestTwoSourcesThatWantOneName has the source of the later name first, so that no
// order of names decides.
func TestTwoSourcesThatWantOneName(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	second := kit.Object(configMap, env.Namespace("s1"), "settings")
	first := kit.Object(configMap, env.Namespace("s2"), "settings")
	third := kit.Object(configMap, second.Namespace, "third")
	a := first.In(env.Namespace("a"))
	b := first.In(env.Namespace("b"))
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	const toA, toBoth = "target-namespaces=PREFIX-a", "target-namespaces=PREFIX-a,PREFIX-b"
	env.Apply(kit.Source(first, "first", toA))
	env.WaitFor(first, "is mirrored", kit.HasStatus("1/1 synced"))
	env.Apply(kit.Source(second, "second", toBoth))
	loses := func(src kit.Ref, status string) {
		t.Helper()
		env.WaitFor(src, "is told that the name is taken", statusHolds(status+" synced: "+a.Namespace+": "))
		env.WaitFor(src, "lists where", hasFailedIn(a.Namespace))
		env.WaitForEvent(src, "NameTaken", a.Namespace)
	}
	loses(second, "1/2")
	env.WaitFor(b, "is the second's", hasData("second"))
	env.WaitFor(a, "is the first's", hasData("first"))

	t.Log("the first keeps it: when either changes, when the mirror is tampered with or deleted, and over a restart")
	env.Patch(second, `{"data":{"key":"second, changed"}}`)
	env.WaitFor(b, "has the second's change", hasData("second, changed"))
	env.WaitFor(a, "is the first's", isCopyOf(env.Get(first)))
	env.Patch(first, `{"data":{"key":"first, changed"}}`)
	env.WaitFor(a, "has the first's change", isCopyOf(env.Get(first)))
	env.Patch(a, `{"data":{"key":"tampered"}}`)
	env.WaitFor(a, "is set right", isCopyOf(env.Get(first)))
	mark := env.Mark()
	km.Kill()
	km = env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	env.WaitFor(a, "is the first's", isCopyOf(env.Get(first)))

	t.Log("the second takes over when the first goes")
	env.Delete(first)
	env.WaitGone(first)
	env.WaitFor(a, "is the second's", isCopyOf(env.Get(second)))
	env.WaitFor(second, "says so", kit.HasStatus("2/2 synced"))
	env.WaitFor(second, "has no failed targets", hasFailedIn())

	t.Log("the first is back, and is told now; a third source wants it under another name of its own")
	env.Apply(kit.Source(first, "back", toA))
	loses(first, "0/1")
	env.Apply(kit.Source(third, "third", toA, "target-name=settings"))
	loses(third, "0/1")
	env.WaitFor(a, "is the second's", isCopyOf(env.Get(second)))

	t.Log("the second wants it no more: one of the two gets it, and the other is told of that one")
	env.Annotate(second, domain+"target-namespaces=PREFIX-b")
	env.WaitFor(second, "is rid of it", kit.HasStatus("1/1 synced"))
	winner, loser := first, third
	env.WaitFor(a, "is another's", func(o *unstructured.Unstructured) error {
		switch name := o.GetAnnotations()[domain+"source-name"]; {
		case hasData("back")(o) == nil && name == "settings":
		case hasData("third")(o) == nil && name == "third":
			winner, loser = third, first
		default:
			return errors.New("it is not")
		}
		return nil
	})
	env.WaitFor(winner, "has it", kit.HasStatus("1/1 synced"))
	env.WaitFor(loser, "is told", statusHolds("0/1 synced: ", winner.Namespace+"/"+winner.Name))
	env.Annotate(winner, domain+"exclude=true")
	env.WaitFor(loser, "has it in the end", kit.HasStatus("1/1 synced"))
	waitForNoMirrors(env, winner)
}

// TestTheWinnerOfANameStaysOverManyRestarts lets both sources of each name arrive at
// the same time.
func TestTheWinnerOfANameStaysOverManyRestarts(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	const n = 8
	var names []string
	env.Namespace("a")
	one, two := env.Namespace("one"), env.Namespace("two")
	for i := range n {
		names = append(names, fmt.Sprintf("settings-%d", i))
		for _, namespace := range []string{one, two} {
			env.Apply(kit.Source(kit.Object(configMap, namespace, names[i]), namespace, "target-namespaces=PREFIX-a"))
		}
	}
	owners := map[string]string{}
	for round := range 3 {
		km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
		for _, name := range names {
			mirror := env.WaitFor(kit.Object(configMap, env.Name("a"), name), "is there", kit.Exists)
			owner := mirror.GetAnnotations()[domain+"source-namespace"]
			if owners[name] != "" && owners[name] != owner {
				t.Errorf("after restart %d, %s is that of %s, was that of %s", round, name, owner, owners[name])
			}
			owners[name] = owner
			loser := one
			if owner == one {
				loser = two
			}
			env.WaitFor(kit.Object(configMap, owner, name), "has it", kit.HasStatus("1/1 synced"))
			env.WaitFor(kit.Object(configMap, loser, name), "is told", statusHolds("0/1 synced: ", owner+"/"+name))
		}
		km.WaitQuiet(300 * time.Millisecond)
		km.Kill()
	}
}

// TestAnObjectOfTheSameNameAndAnotherKindIsNotInTheWay: nor is it touched.
func TestAnObjectOfTheSameNameAndAnotherKindIsNotInTheWay(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	secret := kit.Object("Secret", env.Namespace("a"), "settings")
	left := env.Apply(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "PREFIX-a", "name": "settings"}}`)
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply(source(src, "target-namespaces=PREFIX-a"))
	waitForMirrors(env, src, "a")
	env.Delete(src)
	env.WaitGone(src)
	env.WaitGone(src.In(secret.Namespace))
	if got := env.Get(secret); got.GetResourceVersion() != left.GetResourceVersion() {
		t.Errorf("it was written to: %v", got)
	}
}
