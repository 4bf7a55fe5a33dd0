package tests

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// finds tells where a text stands in a value, plain or in base64, at any depth.
func finds(in any, text, path string) []string {
	var found []string
	switch in := in.(type) {
	case map[string]any:
		for key, value := range in {
			found = append(found, finds(key, text, path+"."+key+" (the key)")...)
			found = append(found, finds(value, text, path+"."+key)...)
		}
	case []any:
		for i, value := range in {
			found = append(found, finds(value, text, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case string:
		decoded, err := base64.StdEncoding.DecodeString(in)
		if strings.Contains(in, text) || err == nil && strings.Contains(string(decoded), text) {
			found = append(found, path)
		}
	}
	return found
}

// The security example of the documentation, applied as kubectl apply does: the object
// holds itself once more, in an annotation.
func TestWhatRulesTakeOutIsNowhereInTheMirrors(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "app-credentials")
	first, later := src.In(env.Namespace("app-1")), src.In(env.Name("app-2"))
	const rules = `
  # Remove admin credentials from mirrors
  - path: data.ADMIN_PASSWORD
    delete: true
  - path: data.ROOT_TOKEN
    delete: true

  # Create namespace-specific database hosts
  - path: data.DB_HOST
    template: "{{.TargetNamespace}}.postgres.svc.cluster.local"
`
	apply := func(password, rules string) {
		t.Helper()
		data := map[string]string{"APP_KEY": "app-key-12345", "ADMIN_PASSWORD": password, "ROOT_TOKEN": "root-token-xyz", "DB_HOST": "localhost"}
		content, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		applied, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": src.Name}, "stringData": data})
		if err != nil {
			t.Fatal(err)
		}
		env.Apply(ruled(src, "type: Opaque\nstringData: "+string(content), rules, "target-namespaces=PREFIX-app-*",
			"kubectl.kubernetes.io/last-applied-configuration="+string(applied)))
	}
	km := env.Start("--resource-types=Secret.v1", "-v=7")
	secrets := []string{"super-secret", "root-token-xyz", "another-password"}
	clean := func(mirror kit.Ref) {
		t.Helper()
		o := env.Get(mirror)
		whole, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range secrets {
			for _, form := range []string{text, base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text))} {
				if strings.Contains(string(whole), form) {
					t.Errorf("%s holds %q:\n%s", mirror, form, whole)
				}
			}
			if at := finds(o.Object, text, ""); len(at) > 0 {
				t.Errorf("%s holds %q at %q", mirror, text, at)
			}
		}
	}
	redacted := func(mirror kit.Ref) kit.Check {
		return holds("{data: {APP_KEY: app-key-12345, ADMIN_PASSWORD: null, ROOT_TOKEN: null, DB_HOST: " + mirror.Namespace + ".postgres.svc.cluster.local}}")
	}

	t.Log("from the first")
	apply("super-secret", rules)
	env.WaitFor(first, "is redacted", redacted(first))
	clean(first)

	t.Log("a change of what is taken out tells a reader of the mirror nothing: not its hash, not that it is written")
	before := env.Get(first)
	apply("another-password", rules)
	env.Namespace("app-2")
	after := env.WaitFor(later, "is redacted", redacted(later))
	if now := env.Get(first); now.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("the mirror was written:\n%s\n%s", before, now)
	}
	clean(later)
	hash := func(o *unstructured.Unstructured) string { return o.GetAnnotations()[domain+"source-content-hash"] }
	if hash(before) == hash(after) {
		t.Errorf("two outcomes have one hash, %s", hash(before))
	}

	t.Log("where the mirrors had it all before there were rules")
	env.Annotate(src, domain+"transform-")
	env.WaitFor(later, "is a copy", holds("{data: {ADMIN_PASSWORD: another-password}}"))
	apply("super-secret", rules)
	for _, mirror := range []kit.Ref{first, later} {
		env.WaitFor(mirror, "is redacted", redacted(mirror))
		clean(mirror)
	}
	env.WaitFor(src, "is in sync", kit.HasStatus("2/2 synced"))
	for _, text := range secrets {
		if line := lineWith(km.Log(), text); line != "" {
			t.Errorf("the log has %q: %s", text, line)
		}
		for _, namespace := range []string{src.Namespace, first.Namespace, later.Namespace} {
			for _, event := range env.List("Event", namespace, "") {
				if at := finds(event.Object, text, ""); len(at) > 0 {
					t.Errorf("an event has %q at %q", text, at)
				}
			}
		}
	}
}

// hidden stands in rules for what their reports must not tell.
const hidden = "hidden-in-a-rule"

func TestRulesThatCantBeReadLetNothingOut(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("t-a")
	const redact = "- {path: data.token, delete: true}\n"
	rows := []struct{ they, rules, why string }{
		{"are no YAML", redact + "- {path: data.host, value: [" + hidden, "line"},
		{"are no list", "  x", "list"},
		{"have an unknown field", redact + "- {path: data.host, vaule: " + hidden + "}", "rule 2 (data.host): "},
		{"have no action", redact + "- {path: data.host}", "rule 2 (data.host): "},
		{"have two actions", redact + "- {path: data.host, value: " + hidden + ", template: " + hidden + "}", "rule 2 (data.host): "},
		{"have no path", redact + "- {value: " + hidden + "}", "rule 2: "},
		{"have a path that ends in the middle", redact + "- {path: 'data[\"host', value: " + hidden + "}", "rule 2: "},
		{"reach for a name", redact + "- {path: metadata.name, value: " + hidden + "}", "rule 2 (metadata.name): "},
		{"reach for the product's own keys", redact + "- {path: metadata.labels, merge: {kubemirror.raczylo.com/mirror: " + hidden + "}}", "rule 2 (metadata.labels): "},
		{"have a template that doesn't end", redact + "- {path: data.host, template: '{{if " + hidden + "'}", "rule 2 (data.host): "},
		{"call what there isn't", redact + "- {path: data.host, template: '{{env \"" + hidden + "\"}}'}", "rule 2 (data.host): "},
		{"have a template within a template", redact + "- {path: data.host, template: '{{define \"x\"}}" + hidden + "{{end}}'}", "rule 2 (data.host): "},
		{"have a pattern that can't be one", redact + "- {path: data.host, value: x, namespacePattern: '[" + hidden + "]'}", "rule 2 (data.host): "},
		{"are too many", strings.Repeat(redact, 4), "there are 4 and the limit is 3"},
		{"are too long", redact + "# " + strings.Repeat("-", 512), "the limit is 512"},
	}
	name := func(i int) kit.Ref { return kit.Object("Secret", src, fmt.Sprintf("row-%02d", i)) }
	apply := func(r kit.Ref, host, rules string) {
		env.Apply(ruled(r, "stringData: {token: do-not-copy, host: "+host+"}", rules, "target-namespaces=PREFIX-t-*"))
	}
	good := kit.Object("Secret", src, "good")
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=Secret.v1", "--leader-elect=false", "--transform-max-rules=3", "--transform-max-size=512")
	}
	km := start()
	before := map[int]string{}
	for i := range rows {
		apply(name(i), "one", redact)
	}
	apply(good, "one", redact)
	for i := range rows {
		before[i] = env.WaitFor(name(i).In(a), "is there, redacted", holds("{data: {host: one, token: null}}")).GetResourceVersion()
		env.WaitFor(name(i), "is in sync", kit.HasStatus("1/1 synced"))
	}

	for i, row := range rows {
		apply(name(i), "two", row.rules)
	}
	for i, row := range rows {
		o := env.WaitFor(name(i), "whose rules "+row.they+" says why", statusHolds("stopped: ", domain+"transform: ", row.why))
		event := env.WaitForEvent(name(i), "InvalidAnnotation", row.why)
		for _, text := range []string{kit.StatusOf(o), event.Note} {
			if strings.Contains(text, hidden) || strings.Contains(text, "do-not-copy") || strings.Contains(text, "\n") {
				t.Errorf("rules that %s are told as %q", row.they, text)
			}
		}
	}
	t.Log("the content changes again, a namespace comes, the process starts anew: nothing goes out, and nothing is told again")
	for i, row := range rows {
		apply(name(i), "three", row.rules)
	}
	env.Namespace("t-b")
	apply(good, "three", redact)
	env.WaitFor(good.In(a), "has changed", holds("{data: {host: three}}"))
	env.WaitFor(good, "is mirrored to the new namespace too", kit.HasStatus("2/2 synced"))
	km.WaitQuiet(300 * time.Millisecond)
	km.Stop()
	mark := env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	for i, row := range rows {
		if now := env.Get(name(i).In(a)).GetResourceVersion(); now != before[i] {
			t.Errorf("rules that %s: the mirror was written", row.they)
		}
		if got := mirrorsOf(env, name(i)); len(got) != 1 {
			t.Errorf("rules that %s: there are mirrors in %q", row.they, got)
		}
		if events := env.Events(name(i)); len(events) != 1 {
			t.Errorf("rules that %s are told in %d events instead of one: %v", row.they, len(events), events)
		}
	}
	t.Log("mended, it goes on")
	for i := range rows {
		apply(name(i), "four", redact)
	}
	for i, row := range rows {
		for _, mirror := range []kit.Ref{name(i).In(a), name(i).In(env.Name("t-b"))} {
			env.WaitFor(mirror, "is right once it was mended that rules "+row.they, holds("{data: {host: four, token: null}}"))
		}
		env.WaitFor(name(i), "is in sync", kit.HasStatus("2/2 synced"))
	}
}

func TestARuleThatFailsKeepsAStrictMirrorAsItWasAndIsSkippedElsewhere(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, ok, xa := env.Namespace("src"), env.Namespace("ok"), env.Namespace("xa")
	strict, lenient := kit.Object(configMap, src, "strict"), kit.Object(configMap, src, "lenient")
	const works = "- {path: data.where, optional: true, template: '{{.TargetNamespace}}'}\n"
	const fails = works + "- {path: data.key.below, value: " + hidden + ", namespacePattern: '*-x?'}\n- {path: data.last, value: done, optional: true}\n"
	apply := func(value, rules string) {
		env.Apply(ruled(strict, "data: {key: "+value+"}", rules, "target-namespaces=all", "transform-strict=true"))
		env.Apply(ruled(lenient, "data: {key: "+value+"}", rules, "target-namespaces=all"))
	}
	start := func() *kit.Kubemirror { return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false") }
	km := start()
	apply("one", works)
	env.WaitFor(strict, "is in sync", kit.HasStatus("2/2 synced"))
	env.WaitFor(lenient, "is in sync", kit.HasStatus("2/2 synced"))
	before := env.Get(strict.In(xa)).GetResourceVersion()

	const rule = ": transform: rule 2 (data.key.below): "
	hasFailed := func(r kit.Ref, synced string, failed ...string) {
		t.Helper()
		o := env.WaitFor(r, "says what failed", statusHolds(synced+" synced: "+strings.Join(failed, ", ")+rule))
		want := strings.Join(failed, ",")
		if r == lenient {
			want = "" // what was skipped is in sync but for that
		}
		if got := o.GetAnnotations()[domain+"failed-targets"]; got != want {
			t.Errorf("the failed targets of %s are %q, want %q", r, got, want)
		}
		event := env.WaitForEvent(r, "TransformFailed", strings.Join(failed, ", ")+rule)
		if strings.Contains(kit.StatusOf(o)+event.Note, hidden) {
			t.Errorf("what the rule holds is told: %q, %q", kit.StatusOf(o), event.Note)
		}
	}
	apply("two", fails)
	hasFailed(strict, "1/2", xa)
	hasFailed(lenient, "2/2", xa)
	for _, r := range []kit.Ref{strict.In(ok), lenient.In(ok), lenient.In(xa)} {
		env.WaitFor(r, "has the other rules applied", holds("data: {key: two, last: done, where: "+r.Namespace+"}"))
	}
	if now := env.Get(strict.In(xa)).GetResourceVersion(); now != before {
		t.Error("the mirror of a strict source was written though a rule failed")
	}

	env.Namespace("xb")
	hasFailed(strict, "1/3", xa, env.Name("xb"))
	hasFailed(lenient, "3/3", xa, env.Name("xb"))
	if env.Find(strict.In(env.Name("xb"))) != nil {
		t.Error("a mirror of a strict source was made though a rule failed")
	}

	t.Log("told once for each change of the problem, and not at restart")
	apply("three", fails)
	env.WaitFor(strict.In(ok), "has changed", hasData("three"))
	env.WaitFor(lenient.In(env.Name("xb")), "has changed", hasData("three"))
	km.WaitQuiet(300 * time.Millisecond)
	km.Stop()
	mark := env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	for _, r := range []kit.Ref{strict, lenient} {
		if events := env.Events(r); len(events) != 2 {
			t.Errorf("%s has %d events, want one for each change of its failed targets: %v", r, len(events), events)
		}
	}
	apply("four", works)
	for _, r := range []kit.Ref{strict, lenient} {
		o := env.WaitFor(r, "is in sync", kit.HasStatus("3/3 synced"))
		if failed, there := o.GetAnnotations()[domain+"failed-targets"]; there {
			t.Errorf("%s still has failed targets: %q", r, failed)
		}
		env.WaitFor(r.In(xa), "has changed", holds("data: {key: four, last: null}"))
	}
}

func TestAnOutcomeThatMayNotBeMirroredIsNot(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a, b := env.Namespace("src"), env.Namespace("a"), env.Namespace("b")
	env.Start("--resource-types=Secret.v1")
	for i, refused := range []string{"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"} {
		r := kit.Object("Secret", src, fmt.Sprintf("row-%d", i))
		env.Apply(ruled(r, "stringData: {key: value}", "- {path: type, template: '"+refused+"', namespacePattern: '*-a'}", "target-namespaces=PREFIX-a,PREFIX-b"))
		env.WaitFor(r, "says what is refused", statusHolds("1/2 synced: "+a+": transform: ", refused))
		env.WaitForEvent(r, "TransformFailed", refused)
		env.WaitFor(r.In(b), "is mirrored where it may be", hasData("value"))
		if env.Find(r.In(a)) != nil {
			t.Errorf("there is a mirror of type %s", refused)
		}
	}
	invalid := kit.Object("Secret", src, "invalid")
	env.Apply(ruled(invalid, "stringData: {key: value}", "- {path: metadata.labels.team, value: 'not a label: "+hidden+"', namespacePattern: '*-a'}", "target-namespaces=PREFIX-a,PREFIX-b"))
	o := env.WaitFor(invalid, "says what the server refused", statusHolds("1/2 synced: "+a+": ", "metadata.labels"))
	if strings.Contains(kit.StatusOf(o), hidden) {
		t.Errorf("its status tells what the rule holds: %q", kit.StatusOf(o))
	}
}
