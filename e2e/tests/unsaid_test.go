package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// half is an object with the label of a source, and without the annotation.
func half(r kit.Ref, annotations ...string) string {
	return strings.Replace(source(r, annotations...), fmt.Sprintf(`%q:"true"`, domain+"sync"), `"other":"x"`, 1)
}

// TestALabelWithoutTheAnnotationIsToldOnce by an event on the object, which is not written
// on: it is no source.
func TestALabelWithoutTheAnnotationIsToldOnce(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	start := func() *kit.Kubemirror { return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false") }
	const text = "it has the label " + domain + "enabled and no annotation " + domain + "sync"

	t.Log("the first object with the label that there is")
	km := start()
	km.WaitQuiet(300 * time.Millisecond)
	env.Apply(half(ref("first"), "target-namespaces=PREFIX-a"))
	event := env.WaitForEvent(ref("first"), "SyncMissing", text)
	if event.Type != "Warning" {
		t.Errorf("the event is %v", event)
	}
	env.Apply(strings.Replace(source(ref("said-false"), "target-namespaces=PREFIX-a"), fmt.Sprintf(`%q:"true"`, domain+"sync"), fmt.Sprintf(`%q:"false"`, domain+"sync"), 1))
	env.Apply(strings.Replace(source(ref("said-empty"), "target-namespaces=PREFIX-a"), fmt.Sprintf(`%q:"true"`, domain+"sync"), fmt.Sprintf(`%q:""`, domain+"sync"), 1))
	env.Annotate(ref("first"), "example.com/other=x")
	env.Patch(ref("first"), `{"data":{"key":"changed"}}`)
	env.Annotate(ref("first"), domain+"target-namespaces=PREFIX-*")

	t.Log("a source whose author takes the annotation off")
	env.Apply(source(ref("was"), "target-namespaces=PREFIX-a"))
	env.WaitFor(ref("was"), "is in sync", kit.HasStatus("1/1 synced"))
	env.Annotate(ref("was"), domain+"sync-")
	env.WaitForEvent(ref("was"), "SyncMissing", text)
	env.WaitGone(ref("was").In(env.Name("a")))
	km.WaitQuiet(500 * time.Millisecond)

	t.Log("a restart writes nothing, and the log says it of all")
	km.Stop()
	env.Apply(half(ref("unseen")))
	mark := env.Mark()
	km = start()
	env.Eventually("the log says it of all", func(context.Context) error {
		if linesWith(km.Log(), "Objects are only half a source", "count=3", src+"/first", src+"/unseen", src+"/was") != 1 {
			return fmt.Errorf("it says %s", km.Log())
		}
		return nil
	})
	env.Annotate(ref("unseen"), "example.com/other=x")
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	for name, want := range map[string]int{"first": 1, "was": 1, "unseen": 0, "said-false": 0, "said-empty": 0} {
		if got := env.Events(ref(name)); len(got) != want {
			t.Errorf("%s has the events %v", name, got)
		}
	}
	if o := env.Get(ref("first")); kit.StatusOf(o) != "" || len(o.GetFinalizers()) > 0 {
		t.Errorf("it was written on: %v", o.Object["metadata"])
	}
}

// TestChildrenThatCopyTheLabelMakeNoFloodOfEvents: an operator copies labels, and not
// annotations, to what it makes.
func TestChildrenThatCopyTheLabelMakeNoFloodOfEvents(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(time.Minute)
	src := env.Namespace("src")
	km := env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=1000", "--rate-limit-burst=1000")
	km.WaitQuiet(300 * time.Millisecond)
	mark := env.Mark()
	var texts []string
	for i := range 150 {
		texts = append(texts, half(kit.Object(configMap, src, fmt.Sprintf("child-%d", i))))
	}
	env.ApplyAll(texts)
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) != 25 {
		t.Errorf("%d writes about 150 objects, want 25 events", len(writes))
	}
}

// TestANameThatNoNamespaceHasIsNamedInTheStatus among others, for as long as that is so.
func TestANameThatNoNamespaceHasIsNamedInTheStatus(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	env.Namespace("b")
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--excluded-namespaces="+env.Name("out"))
	}
	km := start()
	none := func(names ...string) string {
		for i, name := range names {
			names[i] = `"` + env.Name(name) + `"`
		}
		return ": no namespace " + strings.Join(names, ", ")
	}
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf("PREFIX-no%03d", i))
	}
	rows := []struct{ name, asks, status string }{
		{"several", "PREFIX-a,PREFIX-b,PREFIX-z", "2/3 synced" + none("z")},
		{"beside-globs", "PREFIX-?,PREFIX-zz", "2/3 synced" + none("zz")},
		{"alone", "PREFIX-z", "0/1 synced" + none("z")},
		{"taken-away", "PREFIX-a,PREFIX-z,!PREFIX-z", "1/1 synced"},
		{"own", "PREFIX-a,PREFIX-src", "1/1 synced"},
		{"left-out-by-flags", "PREFIX-a,PREFIX-out", "1/1 synced"},
		{"many", "PREFIX-a," + strings.Join(many, ","), "1/401 synced" + none("no000", "no001", "no002", "no003", "no004") + " and 395 more"},
		{"labeled-is-taken-away", "PREFIX-a,PREFIX-later,!all-labeled", "1/2 synced" + none("later")},
	}
	for _, row := range rows {
		env.Apply(source(ref(row.name), "target-namespaces="+row.asks))
	}
	for _, row := range rows {
		env.WaitFor(ref(row.name), "which asks for "+row.asks[:min(60, len(row.asks))]+" says so", kit.HasStatus(row.status))
	}
	km.WaitQuiet(500 * time.Millisecond)
	for _, row := range rows {
		o := env.Get(ref(row.name))
		if failed, there := o.GetAnnotations()[domain+"failed-targets"]; there {
			t.Errorf("%s: failed-targets is %q: no target has failed", row.name, failed)
		}
		if got := env.Events(ref(row.name)); len(got) > 0 {
			t.Errorf("%s has the events %v", row.name, got)
		}
	}

	t.Log("a restart writes nothing")
	km.Stop()
	mark := env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}

	t.Log("the namespaces come")
	mark = env.Mark()
	env.Namespace("z")
	env.Namespace("later", allowMirrors+"=true")
	env.WaitFor(ref("several"), "is in sync", kit.HasStatus("3/3 synced"))
	env.WaitFor(ref("alone"), "is in sync", kit.HasStatus("1/1 synced"))
	env.WaitFor(ref("beside-globs"), "still misses the other", kit.HasStatus("3/4 synced"+none("zz")))
	env.WaitFor(ref("labeled-is-taken-away"), "asks for it no more", kit.HasStatus("1/1 synced"))
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) != 8 {
		t.Errorf("3 mirrors, a finalizer and 4 statuses make %d writes:\n%s", len(writes), writes)
	}

	t.Log("one goes")
	env.Delete(namespace(env.Name("z")))
	env.WaitGone(namespace(env.Name("z")))
	env.WaitFor(ref("several"), "misses it", kit.HasStatus("2/3 synced"+none("z")))
}
