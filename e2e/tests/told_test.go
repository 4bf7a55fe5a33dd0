package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestAFullQuotaIsToldAsWhatItIs: an immutable mirror that has to be made anew is not
// deleted for a new one that the quota would refuse, and that is what is said.
func TestAFullQuotaIsToldAsWhatItIs(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a := env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1")
	apply := func(value string) {
		env.Apply(ruled(src, "data: {key: "+value+"}", "- {path: immutable, value: true, optional: true}", "target-namespaces=PREFIX-a"))
	}
	apply("one")
	before := env.WaitFor(src.In(a), "is there", holds("{immutable: true, data: {key: one}}"))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
	settle := fullQuota(env, a, 1, 1)
	apply("two")
	env.WaitFor(src, "says what is full", statusHolds("0/1 synced: "+a+": ", "forbidden: exceeded quota: full"))
	env.WaitForEvent(src, "WriteRefused", "exceeded quota: full")
	if got := kit.StatusOf(env.Get(src)); strings.Contains(got, "invalid") {
		t.Errorf("the status is %q", got)
	}
	if now := env.Get(src.In(a)); now.GetUID() != before.GetUID() || now.GetResourceVersion() != before.GetResourceVersion() {
		t.Error("the mirror was touched")
	}
	settle(5)
	env.WaitFor(src.In(a), "is made anew once there is room", holds("{immutable: true, data: {key: two}}"))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
}

// TestWhatARulePutsWhereItDoesntFitIsTold by what is wrong, not by how the server says
// it.
func TestWhatARulePutsWhereItDoesntFitIsTold(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Apply(gadgets)
	gadgetKind := gadget(env, "", "").Kind
	env.Start("--resource-types=ConfigMap.v1," + deploymentKind + "," + gadgetKind)
	const binary, encode = "binaryData: {blob: aGVsbG8=}", "binaryData holds base64"
	rows := []struct {
		says, kind, content, rule string
		reason, told              string
		mirrored                  bool
	}{
		{"plain text in binaryData", configMap, binary, "{path: binaryData.blob, value: '" + hidden + "'}", "TransformFailed", encode, true},
		{"plain text in binaryData, by a template", configMap, binary, "{path: binaryData.blob, template: '" + hidden + "'}", "TransformFailed", encode, true},
		{"plain text merged into binaryData", configMap, binary, "{path: binaryData, merge: {more: '" + hidden + "'}}", "TransformFailed", encode, true},
		{"a number in binaryData", configMap, binary, "{path: binaryData.blob, value: 7}", "TransformFailed", encode, true},
		{"a map in binaryData", configMap, binary, "{path: binaryData.blob, value: {a: b}}", "TransformFailed", encode, true},
		{"a field that there isn't", deploymentKind, deployment, "{path: spec.replcas, value: 3}", "WriteRefused", `unknown field "spec.replcas"`, false},
		{"a field that there isn't, and need not be", deploymentKind, deployment, "{path: spec.replcas, value: 3, optional: true}", "WriteRefused", `unknown field "spec.replcas"`, false},
		{"a field that there isn't, in a list", deploymentKind, deployment, "{path: 'spec.template.spec.containers[0].imge', template: 'app:v2'}", "WriteRefused", `unknown field "spec.template.spec.containers[0].imge"`, false},
		{"a field that there isn't, merged", deploymentKind, deployment, "{path: spec.strategy, merge: {tipe: Recreate}}", "WriteRefused", `unknown field "spec.strategy.tipe"`, false},
		{"a field that the schema hasn't", gadgetKind, "spec: {size: 1}", "{path: spec.colur, value: " + hidden + "}", "WriteRefused", `unknown field "spec.colur"`, false},
	}
	ref := func(i int) kit.Ref { return kit.Object(rows[i].kind, src, fmt.Sprintf("row-%d", i)) }
	for i, row := range rows {
		env.Apply(ruled(ref(i), row.content, "- "+row.rule, "target-namespaces=PREFIX-a"))
	}
	for i, row := range rows {
		o := env.WaitFor(ref(i), "with "+row.says+" says so", statusHolds(a+": ", row.told))
		event := env.WaitForEvent(ref(i), row.reason, row.told)
		if text := kit.StatusOf(o) + event.Note; strings.Contains(text, hidden) || strings.Contains(text, "400") {
			t.Errorf("%s is told as %q", row.says, text)
		}
		if mirrored := env.Find(ref(i).In(a)) != nil; mirrored != row.mirrored {
			t.Errorf("%s: is there a mirror? %v", row.says, mirrored)
		}
	}
}

func TestASourceThatAsksForNothingIsToldThatAndNotThatNothingIsThere(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Start("--resource-types=ConfigMap.v1")
	const none, nowhere = "0/0 synced: it asks for no namespace; set ", "0/0 synced: no namespace that it asks for is there, "
	for i, row := range []struct {
		asks []string
		want string
	}{
		{nil, none + domain + "target-namespaces or " + domain + "target-selector"},
		{[]string{"target-namespaces="}, none},
		{[]string{"target-namespaces= , ,"}, none},
		{[]string{"target-selector= "}, none},
		{[]string{"target-namespaces=!PREFIX-a,!kube-*"}, none},
		{[]string{"target-namespaces=PREFIX-nowhere"}, `0/1 synced: no namespace "` + env.Name("nowhere") + `"`},
		{[]string{"target-namespaces=PREFIX-nowhere,!PREFIX-*"}, nowhere},
		{[]string{"target-namespaces=all-labeled"}, nowhere},
		{[]string{"target-selector=team=nobody"}, nowhere},
	} {
		r := kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		env.Apply(source(r, row.asks...))
		env.WaitFor(r, fmt.Sprintf("which asks for %q, says so", row.asks), statusHolds(row.want))
	}
}

// TestTheLabelOfAMirrorOnASourceIsTold: people make a source of one of its mirrors.
func TestTheLabelOfAMirrorOnASourceIsTold(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(strings.Replace(source(src, "target-namespaces=PREFIX-a", "source-namespace=PREFIX-src", "source-name=settings"), `"labels":{`, `"labels":{"`+domain+`mirror":"true",`, 1))
	env.WaitFor(src, "is mirrored, and says what its label means", statusHolds("1/1 synced: it is a source, and the label "+domain+"mirror"))
	env.WaitForEvent(src, "InvalidAnnotation", domain+"mirror")
	env.WaitFor(src.In(env.Name("a")), "is there", hasData("value"))
	km.WaitQuiet(300 * time.Millisecond)
	env.Label(src, domain+"mirror-")
	env.WaitFor(src, "has nothing more to say", kit.HasStatus("1/1 synced"))
	env.Get(src.In(env.Name("a")))
}

// TestMirrorsThatGoForAnotherReasonThanTheirSourcesAreTold has a source that is deleted
// while nobody looks, one whose target a flag excludes, one whose target refuses, and
// one that gives its mirror up.
func TestMirrorsThatGoForAnotherReasonThanTheirSourcesAreTold(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	asks := map[string]string{
		"orphan":   "PREFIX-a",
		"excluded": "PREFIX-b,PREFIX-c,PREFIX-d",
		"refused":  "PREFIX-d,PREFIX-e",
		"narrowed": "PREFIX-d,PREFIX-f",
		"ends":     "PREFIX-d",
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		env.Namespace(name)
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	for name, list := range asks {
		env.Apply(source(ref(name), "target-namespaces="+list))
		env.WaitFor(ref(name), "is in sync", kit.HasStatus(fmt.Sprintf("%d/%[1]d synced", strings.Count(list, ",")+1)))
	}
	const line = "Deleted a mirror that its source did not give up"
	says := func(km *kit.Kubemirror, cause string, mirrors ...kit.Ref) {
		t.Helper()
		env.Eventually("the log names what was deleted", func(context.Context) error {
			for _, mirror := range mirrors {
				if linesWith(km.Log(), line, cause, mirror.Namespace+"/"+mirror.Name) != 1 {
					return fmt.Errorf("it doesn't name %s with %q", mirror, cause)
				}
			}
			return nil
		})
	}
	env.Label(namespace(env.Name("e")), allowMirrors+"=false")
	env.WaitGone(ref("refused").In(env.Name("e")))
	event := env.WaitForEvent(ref("refused"), "MirrorDeleted", env.Name("e"))
	if !strings.Contains(event.Note, `deleted the mirror "refused"`) || !strings.Contains(event.Note, "the namespace refuses") {
		t.Errorf("the event is %q", event)
	}
	says(km, "the namespace refuses mirrors", ref("refused").In(env.Name("e")))

	env.Annotate(ref("narrowed"), domain+"target-namespaces=PREFIX-d")
	env.WaitGone(ref("narrowed").In(env.Name("f")))
	env.Annotate(ref("ends"), domain+"exclude=true")
	env.WaitGone(ref("ends").In(env.Name("d")))
	km.WaitQuiet(300 * time.Millisecond)
	km.Stop()
	env.Patch(ref("orphan"), `{"metadata":{"finalizers":null}}`)
	env.Delete(ref("orphan"))
	env.WaitGone(ref("orphan"))

	after := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--excluded-namespaces=*-b,*-c")
	orphan := ref("orphan").In(env.Name("a"))
	env.WaitGone(orphan)
	event = env.WaitForEvent(orphan, "MirrorDeleted", "its source is gone")
	if event.Type != "Warning" || !strings.Contains(event.Note, orphan.Namespace+"/orphan") {
		t.Errorf("the event is %q", event)
	}
	says(after, "its source is gone", orphan)
	env.WaitFor(ref("excluded"), "is in sync", kit.HasStatus("1/1 synced"))
	event = env.WaitForEvent(ref("excluded"), "MirrorDeleted", "the controller's flags leave the namespace out")
	if !strings.Contains(event.Note, env.Name("b")+", "+env.Name("c")) {
		t.Errorf("the event is %q", event)
	}
	says(after, "the controller's flags leave the namespace out", ref("excluded").In(env.Name("b")), ref("excluded").In(env.Name("c")))
	after.WaitQuiet(500 * time.Millisecond)
	for name, events := range map[string]int{"excluded": 1, "refused": 1, "narrowed": 0, "ends": 0} {
		if got := env.Events(ref(name)); len(got) != events {
			t.Errorf("%s has the events %v", ref(name), got)
		}
	}
	if n := linesWith(km.Log(), line) + linesWith(after.Log(), line); n != 4 {
		t.Errorf("%d deletions are in the log, want 4:\n%s\n%s", n, km.Log(), after.Log())
	}
}
