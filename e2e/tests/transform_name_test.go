package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestNamesDifferByTargetAndMirrorsMoveWhenTheyChange(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "app")
	a, b := env.Namespace("a"), env.Namespace("b")
	km := env.Start("--resource-types=Secret.v1", "--leader-elect=false")
	apply := func(name string) {
		env.Apply(ruled(src, "stringData: {key: value}", "- {path: data.me, optional: true, template: '{{.TargetName}}'}",
			"target-namespaces=PREFIX-*", "target-name="+name, "example.com/note=noted"))
	}
	for _, step := range []struct {
		says     string
		do       func()
		inA, inB string
	}{
		{"names by the namespace", func() { apply("{{.TargetNamespace}}-{{.SourceName}}") }, a + "-app", b + "-app"},
		{"a change of the template", func() { apply(`{{trimPrefix .TargetNamespace "PREFIX-"}}.{{.SourceName}}`) }, "a.app", "b.app"},
		{"one name for all", func() { apply("{{.Labels.team}}-app") }, "blue-app", "blue-app"},
		{"a change of the label that it reads", func() { env.Label(src, "team=red") }, "red-app", "red-app"},
		{"another name in one of two", func() { apply(`{{if hasSuffix .TargetNamespace "-a"}}in-a{{else}}{{.Labels.team}}-app{{end}}`) }, "in-a", "blue-app"},
		{"an annotation that it reads", func() { apply(`{{index .Annotations "example.com/note"}}`) }, "noted", "noted"},
		{"a change of that annotation", func() { env.Annotate(src, "example.com/note=heard") }, "heard", "heard"},
		{"the source's own name again", func() { env.Annotate(src, domain+"target-name-") }, "", ""},
		{"names by the namespace once more", func() { apply("{{.TargetNamespace}}") }, a, b},
	} {
		step.do()
		want := []string{"a/" + step.inA, "b/" + step.inB}
		for i := range want {
			want[i] = strings.TrimSuffix(want[i], "/")
		}
		waitForMirrors(env, src, want...)
		for namespace, name := range map[string]string{a: step.inA, b: step.inB} {
			if name == "" {
				name = src.Name
			}
			env.WaitFor(kit.Object("Secret", namespace, name), "knows its name after "+step.says, holds("data: {key: value, me: "+name+"}"))
		}
		env.WaitFor(src, "is in sync after "+step.says, kit.HasStatus("2/2 synced"))
	}

	t.Log("a name that is taken keeps the mirror where it was")
	env.Apply(`{apiVersion: v1, kind: Secret, metadata: {name: taken, namespace: PREFIX-a}, stringData: {key: theirs}}`)
	apply("taken")
	env.WaitFor(src, "tells of what is in the way", statusHolds("1/2 synced: "+a+": ", `"taken"`))
	if got := fmt.Sprint(mirrorsOf(env, src)); got != "[a/"+a+" b/taken]" {
		t.Errorf("the mirrors are %s", got)
	}
	env.Delete(kit.Object("Secret", a, "taken"))
	waitForMirrors(env, src, "a/taken", "b/taken")

	t.Log("nothing is written at rest, nor at a restart")
	apply("{{.TargetNamespace}}")
	waitForMirrors(env, src, "a/"+a, "b/"+b)
	km.WaitQuiet(500 * time.Millisecond)
	km.Stop()
	mark := env.Mark()
	km = env.Start("--resource-types=Secret.v1", "--leader-elect=false")
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	env.Delete(src)
	env.WaitGone(src)
	if left := mirrorsOf(env, src); len(left) > 0 {
		t.Errorf("the source is gone, and there are mirrors in %q", left)
	}
}

func TestANameThatCantBeKeepsTheMirrorsWhereTheyAre(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Namespace("b")
	const stopped, failed = "stopped: ", "0/2 synced: "
	rows := []struct{ it, name, status, why string }{
		{"is no name", "Not_" + hidden, stopped, "valid name"},
		{"has a line break", hidden + "\n" + hidden, stopped, "valid name"},
		{"is too long", strings.Repeat("a", 254), stopped, "valid name"},
		{"doesn't end", "{{.SourceName", stopped, "can't be read"},
		{"calls what there isn't", `{{env "` + hidden + `"}}`, stopped, "function"},
		{"is made of itself", "{{.TargetName}}-x", stopped, ".TargetName"},
		{"is longer than rules may be", "{{/*" + strings.Repeat("-", 512) + "*/}}app", stopped, "the limit is 512"},
		{"comes out in capitals", "{{upper .SourceName}}-" + hidden, failed, "valid name"},
		{"comes out empty", "{{if false}}" + hidden + "{{end}}", failed, "valid name"},
		{"comes out too long", `{{replace "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "x" "12345678"}}`, failed, "valid name"},
		{"reads a label that isn't there", "{{.Labels.none}}-" + hidden, failed, "rendering"},
		{"runs on and on", `{{$l := split "` + strings.Repeat("x", 100) + `" ""}}{{range $l}}{{range $l}}{{range $l}}{{end}}{{end}}{{end}}app`, failed, "time limit"},
		{"comes out wrong in one of two", `{{if hasSuffix .TargetNamespace "-b"}}{{.Labels.none}}{{else}}` + "moved{{end}}", "1/2 synced: " + env.Name("b") + ": ", "rendering"},
	}
	ref := func(i int) kit.Ref { return kit.Object(configMap, src, fmt.Sprintf("row-%02d", i)) }
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--transform-max-size=512")
	}
	km := start()
	for i := range rows {
		env.Apply(kit.Source(ref(i), "one", "target-namespaces=all"))
	}
	before := map[int]string{}
	for i := range rows {
		env.WaitFor(ref(i), "is in sync", kit.HasStatus("2/2 synced"))
		before[i] = env.Get(ref(i).In(a)).GetResourceVersion()
	}
	for i, row := range rows {
		env.Apply(kit.Source(ref(i), "two", "target-namespaces=all", "target-name="+row.name))
	}
	for i, row := range rows {
		o := env.WaitFor(ref(i), "whose name "+row.it+" says so", statusHolds(row.status, domain+"target-name: ", row.why))
		event := env.WaitForEvent(ref(i), "InvalidAnnotation", row.why)
		for _, text := range []string{kit.StatusOf(o), event.Note} {
			if strings.Contains(text, hidden) || strings.Contains(text, "\n") {
				t.Errorf("a name that %s is told as %q", row.it, text)
			}
		}
		want := map[string]string{stopped: "", failed: a + "," + env.Name("b")}
		if list, listed := want[row.status]; listed && o.GetAnnotations()[domain+"failed-targets"] != list {
			t.Errorf("a name that %s: the failed targets are %q, want %q", row.it, o.GetAnnotations()[domain+"failed-targets"], list)
		}
	}
	km.WaitQuiet(300 * time.Millisecond)
	km.Stop()
	mark := env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	last := len(rows) - 1
	for i, row := range rows {
		want := "[a b]"
		if i == last {
			want = "[a/moved b]"
		} else if now := env.Get(ref(i).In(a)).GetResourceVersion(); now != before[i] {
			t.Errorf("a name that %s: the mirror was written", row.it)
		}
		if got := fmt.Sprint(mirrorsOf(env, ref(i))); got != want {
			t.Errorf("a name that %s: the mirrors are in %s, want %s", row.it, got, want)
		}
		if events := env.Events(ref(i)); len(events) != 1 {
			t.Errorf("a name that %s is told in %d events instead of one: %v", row.it, len(events), events)
		}
	}
	for i := range rows {
		env.Apply(kit.Source(ref(i), "three", "target-namespaces=all", "target-name={{.SourceName}}-mended"))
	}
	for i := range rows {
		env.WaitFor(ref(i), "is in sync", kit.HasStatus("2/2 synced"))
		name := ref(i).Name + "-mended"
		waitForMirrors(env, ref(i), "a/"+name, "b/"+name)
		env.WaitFor(kit.Object(configMap, a, name), "has changed", hasData("three"))
	}
}
