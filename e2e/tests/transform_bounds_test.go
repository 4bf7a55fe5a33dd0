package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestTemplatesAreBoundedByFlagsWhileTheyRun(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1", "--transform-timeout=1ms", "--transform-max-output=8Ki")
	for _, row := range []struct{ name, template, why string }{
		{"short", "{{.SourceName}}", ""},
		{"slow", `{{$l := split "` + strings.Repeat("x", 50) + `" ""}}{{range $l}}{{range $l}}{{end}}{{end}}`, "time limit"},
		{"wide", `{{range split "` + strings.Repeat("x", 100) + `" ""}}` + strings.Repeat("0123456789", 10) + `{{end}}`, "output limit"},
		{"big", `{{$x := replace "` + strings.Repeat("x", 100) + `" "x" "` + strings.Repeat("0123456789", 10) + `"}}`, "size limit"},
	} {
		r := kit.Object(configMap, src, row.name)
		env.Apply(ruled(r, "data: {key: value}", "- {path: data.made, optional: true, template: '"+row.template+"'}\n- {path: data.last, value: done, optional: true}", "target-namespaces=all"))
		if row.why == "" {
			env.WaitFor(r, "is in sync", kit.HasStatus("1/1 synced"))
			env.WaitFor(r.In(a), "is transformed", holds("data: {made: short, last: done}"))
			continue
		}
		env.WaitFor(r, "says what went over the limit", statusHolds("1/1 synced: "+a+": transform: rule 1 (data.made): ", row.why))
		env.WaitFor(r.In(a), "has the other rules applied", holds("data: {made: null, last: done}"))
	}
}

// hostileTemplates want to run for ever, or to fill the memory. The first takes most
// of the processor's time.
var hostileTemplates = []string{
	`{{$l := split "XXX" ""}}{{range $l}}{{range $l}}{{range $l}}{{range $l}}{{end}}{{end}}{{end}}{{end}}`,
	`{{range 9000000000000000000}}x{{end}}`,
	`{{$l := split "XXX" ""}}{{range $l}}{{range $l}}{{range $l}}XXX{{end}}{{end}}{{end}}`,
	`{{printf "%999999999s" "a"}}`,
	`{{printf "%.999999999d" 1}}`,
	`{{template "template"}}`,
	`{{block "a" .}}{{template "a"}}{{end}}`,
	`{{$l := split "XXX" ""}}{{$x := "XXX"}}{{range $l}}{{$x = print $x $x}}{{end}}{{$x}}`,
	`{{$l := split "XXX" ""}}{{$x := "xx"}}{{range $l}}{{$x = replace $x "x" $x}}{{end}}`,
	`{{$l := split "XXX" ""}}{{$x := "x"}}{{range $l}}{{$x = toJson $x}}{{$x = b64enc $x}}{{end}}{{$x}}`,
	`{{$l := split "XXX" ""}}{{$b := replace "XXX" "" "XXX"}}{{range $l}}{{range $l}}{{range $l}}{{if sha256sum $b}}{{end}}{{end}}{{end}}{{end}}`,
}

func TestI7HostileTemplatesDelayNobody(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	const targets = 16
	for i := range targets {
		env.Namespace(fmt.Sprintf("t-%d", i))
	}
	good := kit.Object(configMap, src, "good")
	mirror := good.In(env.Namespace("good"))
	km := env.Start("--resource-types=ConfigMap.v1")
	hostile := make([]kit.Ref, len(hostileTemplates))
	for i, template := range hostileTemplates {
		hostile[i] = kit.Object(configMap, src, fmt.Sprintf("hostile-%02d", i))
		template = strings.ReplaceAll(template, "XXX", strings.Repeat("x", 100)) + "{{.TargetNamespace}}"
		rules, to := "- {path: data.k0, template: '"+template+"'}\n", "t-0"
		if i == 0 {
			to = "t-*"
			for n := range 10 {
				rules += strings.Replace(rules[:strings.Index(rules, "\n")+1], "k0", fmt.Sprintf("k%d", n+1), 1)
			}
		}
		env.Apply(ruled(hostile[i], "data: {key: value}", rules, "target-namespaces=PREFIX-"+to))
	}
	mark := env.Mark()
	env.Apply(source(good, "target-namespaces=PREFIX-good"))
	env.WaitFor(mirror, "is there", hasData("value"))
	before := 0
	for _, made := range km.Since(mark).Where(audit.Filter{Verbs: []string{"create"}, Resources: []string{"configmaps"}}) {
		if made.Namespace == mirror.Namespace {
			break
		}
		if made.Namespace != env.Name("t-0") {
			before++
		}
	}
	// Sources are served in turn: what was under way comes first, and not all that waits.
	if before > targets-4 {
		t.Errorf("%d mirrors of the most hostile source were made before the good one's", before)
	}
	for i, r := range hostile {
		o := env.WaitFor(r, "has a status", statusHolds("transform: "))
		switch status := kit.StatusOf(o); {
		case strings.HasPrefix(status, "stopped: "):
			env.WaitForEvent(r, "InvalidAnnotation", "transform: reading rule 1 (data.k0): ")
		case strings.HasPrefix(status, "1/1 synced: "), strings.HasPrefix(status, "16/16 synced: "):
			env.WaitForEvent(r, "TransformFailed", "transform: rule 1 (data.k0): ")
		default:
			t.Errorf("%s: the status is %q", hostileTemplates[i], status)
		}
	}
	env.Apply(kit.Source(good, "changed", "target-namespaces=PREFIX-good"))
	env.WaitFor(mirror, "has changed", hasData("changed"))
	env.Eventually("the memory that they took is free for others", func(context.Context) error {
		if heap := km.Metrics().Sum("go_memstats_heap_inuse_bytes"); heap > 64<<20 {
			return fmt.Errorf("%.0f MiB of heap are in use", heap/(1<<20))
		}
		return nil
	})
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
