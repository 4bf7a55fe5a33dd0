package tests

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestMirrorsAreWhereTheSourceAsks has one source for each row, all of them in the
// namespace src and looked after by one process.
func TestMirrorsAreWhereTheSourceAsks(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	// The namespaces that there are; all but src are possible targets.
	src := env.Namespace("src", "team=blue", domain+"allow-mirrors=true")
	env.Namespace("app-1", "team=blue")
	env.Namespace("app-2", "team=red", "tier=web")
	env.Namespace("app-10")
	env.Namespace("db", domain+"allow-mirrors=true")
	env.Namespace("web", domain+"allow-mirrors=true", "team=red")
	all := []string{"app-1", "app-10", "app-2", "db", "web"}
	names := func(list string) string { return "target-namespaces=" + list }
	selector := func(text string) string { return "target-selector=" + text }

	rows := []struct {
		says string
		asks []string
		want []string
	}{
		{"a name", []string{names("PREFIX-app-1")}, []string{"app-1"}},
		{"several names", []string{names("PREFIX-web,PREFIX-app-1")}, []string{"app-1", "web"}},
		{"blanks, empty items and a name given twice", []string{names(" PREFIX-web , ,PREFIX-db,,PREFIX-web ")}, []string{"db", "web"}},
		{"a name that no namespace has", []string{names("PREFIX-nowhere,PREFIX-db")}, []string{"db"}},
		{"the source's own namespace by name", []string{names("PREFIX-src,PREFIX-db")}, []string{"db"}},
		{"nothing but the source's own namespace", []string{names("PREFIX-src")}, nil},
		{"a * at the end", []string{names("PREFIX-app-*")}, []string{"app-1", "app-10", "app-2"}},
		{"a * that stands for nothing", []string{names("PREFIX-app-1*")}, []string{"app-1", "app-10"}},
		{"a * in the middle", []string{names("PREFIX-*p-1")}, []string{"app-1"}},
		{"a * alone, the source's own namespace left out", []string{names("*")}, all},
		{"a ? for one character", []string{names("PREFIX-app-?")}, []string{"app-1", "app-2"}},
		{"two ? for two characters", []string{names("PREFIX-app-??")}, []string{"app-10"}},
		{"a ? and a *", []string{names("PREFIX-?b*,PREFIX-w?b")}, []string{"db", "web"}},
		{"all", []string{names("all")}, all},
		{"all-labeled", []string{names("all-labeled")}, []string{"db", "web"}},
		{"all-labeled and a name", []string{names("all-labeled,PREFIX-app-1")}, []string{"app-1", "db", "web"}},
		{"a selector alone, the source's own namespace left out", []string{selector("team=blue")}, []string{"app-1"}},
		{"a selector with two conditions", []string{selector("team=red,tier")}, []string{"app-2"}},
		{"a selector of a set", []string{selector("team in (blue, red),tier!=web")}, []string{"app-1", "web"}},
		{"a selector of those without a label", []string{selector("!team,kubernetes.io/metadata.name in (PREFIX-db,PREFIX-web)")}, []string{"db"}},
		{"a selector added to a glob", []string{names("PREFIX-d*"), selector("tier=web")}, []string{"app-2", "db"}},
		{"a selector that matches what a name has", []string{names("PREFIX-web"), selector("team=red")}, []string{"app-2", "web"}},
		{"all but a name", []string{names("all,!PREFIX-db")}, []string{"app-1", "app-10", "app-2", "web"}},
		{"an exclusion that stands first", []string{names("!PREFIX-app-*,all")}, []string{"db", "web"}},
		{"an exclusion between others", []string{names("PREFIX-app-1,!PREFIX-app-1*,PREFIX-app-*,PREFIX-db")}, []string{"app-2", "db"}},
		{"an exclusion of a ?", []string{names("all,!PREFIX-app-?")}, []string{"app-10", "db", "web"}},
		{"an exclusion with a blank behind its !", []string{names("all, ! PREFIX-db")}, []string{"app-1", "app-10", "app-2", "web"}},
		{"an exclusion from all-labeled", []string{names("all-labeled,!PREFIX-web")}, []string{"db"}},
		{"an exclusion from a selector", []string{names("!PREFIX-web"), selector("team=red")}, []string{"app-2"}},
		{"all but those labelled", []string{names("all,!all-labeled")}, []string{"app-1", "app-10", "app-2"}},
		{"all but all", []string{names("PREFIX-db,all,!all")}, nil},
		{"nothing but an exclusion", []string{names("!PREFIX-db")}, nil},
		{"an empty list", []string{names("")}, nil},
		{"nothing at all", nil, nil},
		{"a mixture", []string{names("PREFIX-app-1?,!PREFIX-w*,all-labeled,PREFIX-src"), selector("team=blue")}, []string{"app-1", "app-10", "db"}},
	}
	sources := make([]kit.Ref, len(rows))
	for i, row := range rows {
		sources[i] = kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		env.Apply(source(sources[i], row.asks...))
	}
	env.Start("--resource-types=ConfigMap.v1")
	for i, row := range rows {
		asked := len(row.want)
		if row.says == "a name that no namespace has" {
			asked++ // it is missed
		}
		status := fmt.Sprintf("%d/%d synced", len(row.want), asked)
		env.WaitFor(sources[i], "which asks for "+row.says+", says that it is done", statusHolds(status))
		if got := mirrorsOf(env, sources[i]); fmt.Sprint(got) != fmt.Sprint(row.want) {
			t.Errorf("%s (%q): mirrors in %q, want %q", row.says, row.asks, got, row.want)
		}
	}
}

func TestMirrorsFollowWhatTheSourceAsksForFromThenOn(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a", "team=blue")
	env.Namespace("b", domain+"allow-mirrors=true")
	env.Namespace("c", "team=blue")
	env.Start("--resource-types=ConfigMap.v1")

	for _, step := range []struct {
		asks []string
		want []string
	}{
		{[]string{"target-namespaces=PREFIX-a"}, []string{"a"}},
		{[]string{"target-namespaces=PREFIX-a,PREFIX-b"}, []string{"a", "b"}},
		{[]string{"target-namespaces=PREFIX-b"}, []string{"b"}},
		{[]string{"target-namespaces=PREFIX-?"}, []string{"a", "b", "c"}},
		{[]string{"target-namespaces=all,!PREFIX-a"}, []string{"b", "c"}},
		{[]string{"target-namespaces=all-labeled"}, []string{"b"}},
		{[]string{"target-selector=team=blue"}, []string{"a", "c"}},
		{[]string{"target-selector=team=blue", "target-namespaces=!PREFIX-c,all-labeled"}, []string{"a", "b"}},
		{[]string{"target-namespaces="}, nil},
		{[]string{"target-namespaces=all"}, []string{"a", "b", "c"}},
		{nil, nil},
	} {
		env.Apply(source(src, step.asks...))
		waitForMirrors(env, src, step.want...)
	}
}

func TestMirrorsMayHaveAnotherNameThanTheSource(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	env.Namespace("b")
	km := env.Start("--resource-types=ConfigMap.v1")

	env.Apply(source(src, "target-namespaces=all", "target-name=shared"))
	waitForMirrors(env, src, "a/shared", "b/shared")

	t.Log("another name: mirrors under the old one go")
	env.Annotate(src, domain+"target-name=settings.v2")
	waitForMirrors(env, src, "a/settings.v2", "b/settings.v2")

	t.Log("a change of the content reaches mirrors under their name")
	env.Patch(src, `{"data":{"key":"changed"}}`)
	mirror := kit.Object(configMap, env.Name("a"), "settings.v2")
	env.WaitFor(mirror, "has the change", hasData("changed"))

	t.Log("none: they have the source's name again")
	env.Annotate(src, domain+"target-name-")
	waitForMirrors(env, src, "a", "b")

	t.Log("another name while nobody looked")
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	env.Annotate(src, domain+"target-name=restarted")
	env.Start("--resource-types=ConfigMap.v1")
	waitForMirrors(env, src, "a/restarted", "b/restarted")

	t.Log("mirrors go with the source, whatever they are called")
	env.Annotate(src, domain+"target-name=last")
	waitForMirrors(env, src, "a/last", "b/last")
	env.Delete(src)
	env.WaitGone(src)
	if left := mirrorsOf(env, src); len(left) > 0 {
		t.Errorf("mirrors left: %q", left)
	}
}

func TestARenamedMirrorLeavesAnObjectOfItsNewNameAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	env.Namespace("b")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all", "target-name=old"))
	waitForMirrors(env, src, "a/old", "b/old")
	theirs := kit.Object(configMap, env.Name("a"), "new")
	before := env.Apply(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "PREFIX-a", "name": "new"}, "data": {"key": "theirs"}}`)

	env.Annotate(src, domain+"target-name=new")
	env.WaitFor(src, "says what is in the way", statusHolds("1/2 synced", env.Name("a")))
	env.WaitForEvent(src, "ForeignObject", env.Name("a"))
	env.WaitFor(kit.Object(configMap, env.Name("b"), "new"), "is there", kit.Exists)
	env.WaitGone(kit.Object(configMap, env.Name("b"), "old"))
	if after := env.Get(theirs); after.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("the object in the way was changed: %v", after)
	}

	env.Delete(theirs)
	waitForMirrors(env, src, "a/new", "b/new")
}

func TestTheSourceItselfIsNeverTouchedByAListThatHasItsOwnNamespace(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src", domain+"allow-mirrors=true", "team=blue"), "settings")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1")
	// Under another name a mirror beside its source would do no harm, and still there
	// is none.
	env.Apply(source(src, "target-namespaces=all,all-labeled,PREFIX-src,PREFIX-*", "target-selector=team=blue", "target-name=copy"))
	waitForMirrors(env, src, "a/copy")
	env.WaitFor(src, "has its content", func(o *unstructured.Unstructured) error {
		if got := o.GetLabels(); len(got) != 1 {
			return fmt.Errorf("its labels are %v", got)
		}
		return hasData("value")(o)
	})
	if got := len(env.List(configMap, src.Namespace, domain+"mirror")); got > 0 {
		t.Errorf("%d mirrors in the source's namespace", got)
	}
	env.Annotate(src, domain+"target-namespaces=PREFIX-src")
	waitForMirrors(env, src)
	env.Get(src)
}
