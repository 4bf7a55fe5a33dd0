package tests

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// isOneLine is the check of a source whose status is one line.
func isOneLine(o *unstructured.Unstructured) error {
	if got := kit.StatusOf(o); got == "" || strings.ContainsAny(got, "\n\r") {
		return fmt.Errorf("its status is not one line: %q", got)
	}
	return nil
}

// TestASourceThatCantBeReadKeepsItsMirrorsAndSaysWhy spoils one annotation of each
// source, and changes its content in the same moment: the change must not go out
// until the annotation is mended.
func TestASourceThatCantBeReadKeepsItsMirrorsAndSaysWhy(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a, b := env.Namespace("src"), env.Namespace("a"), env.Namespace("b")
	rows := []struct {
		says string
		// annotation has a name and a value that can't be read.
		annotation, value string
		// why is said beside the annotation's name.
		why string
	}{
		{"an exclusion with a capital", "target-namespaces", "all,!Kube-System", "Kube-System"},
		{"an exclusion of nothing", "target-namespaces", "all,!", "!"},
		{"an exclusion with a set", "target-namespaces", "!{a,b},all", `'{'`},
		{"an item with a capital", "target-namespaces", "all,Team", "Team"},
		{"a selector that ends too early", "target-selector", "team in (blue", "kubectl"},
		{"a selector with a value that can't be", "target-selector", "team=not a value", "kubectl"},
		{"a selector of several lines", "target-selector", "team=blue,\n=\nred", "kubectl"},
		{"a limit that is a word", "max-targets", "many", "many"},
		{"a limit below nothing", "max-targets", "-1", "-1"},
		{"a limit between two numbers", "max-targets", "1.5", "1.5"},
		{"an empty limit", "max-targets", "", "number"},
		{"a name that no object can have", "target-name", "Not_A_Name", "name"},
		{"a template of a name that doesn't end", "target-name", "{{ .SourceName", "name"},
		{"an empty name", "target-name", "", "name"},
		{"rules that are no YAML", "transform", "rules: [", "line"},
		{"rules that are a text", "transform", "delete everything", "transform"},
		{"a field of a rule that there isn't", "transform", "rules:\n- {path: data.key, remove: true}", "unknown field"},
		{"a field beside the rules", "transform", "rules: []\nstrict: true", "unknown field"},
		{"a rule without an action", "transform", "rules:\n- {path: data.key}", "rule 1"},
		{"a rule with two actions", "transform", "rules:\n- {path: data.key, value: x, delete: true}", "rule 1"},
		{"a rule without a path", "transform", "rules:\n- {value: x}", "rule 1"},
		{"a rule with a path that can't be", "transform", "rules:\n- {path: 'data[', value: x}", "rule 1"},
		{"a rule with a template that can't be", "transform", "rules:\n- {path: data.key, template: '{{ .Foo'}", "rule 1"},
		{"a sync that is neither true nor false", "sync", "yes", `"yes"`},
		{"a sync in capitals", "sync", "True", `"True"`},
		{"an exclude that is neither true nor false", "exclude", "no", `"no"`},
		{"a paused that is neither true nor false", "paused", "1", `"1"`},
		{"a strictness that is neither true nor false", "transform-strict", "on", `"on"`},
		{"a key that there isn't", "transforms", "rules: [{path: data.key, delete: true}]", "did you mean " + domain + "transform?"},
		{"a key that excludes nothing", "exlude", "true", "did you mean " + domain + "exclude?"},
		{"a key of a namespace", "allow-from", "everywhere", "belongs on a namespace"},
		{"a key like nothing at all", "dry-run", "true", "unknown annotation"},
		{"a word on deletion that there isn't", "on-delete", "keep", `"keep" is not "retain"`},
		{"a consent to recreation that is neither true nor false", "recreate-on-immutable-change", "sure", `"sure"`},
	}
	bystander := kit.Object("Secret", src, "bystander")
	env.Apply(source(bystander, "target-namespaces=all"))
	refs := make([]kit.Ref, len(rows))
	for i := range rows {
		refs[i] = kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		env.Apply(source(refs[i], "target-namespaces=all"))
	}
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	for _, r := range append(refs, bystander) {
		waitForMirrors(env, r, "a", "b")
	}
	before := map[kit.Ref]string{}
	for _, r := range refs {
		before[r] = env.Get(r.In(a)).GetResourceVersion() + env.Get(r.In(b)).GetResourceVersion()
	}

	for i, row := range rows {
		env.Apply(kit.Source(refs[i], "changed", "target-namespaces=all", row.annotation+"="+row.value))
	}
	for i, row := range rows {
		o := env.WaitFor(refs[i], "with "+row.says+" says so", statusHolds("stopped", domain+row.annotation, row.why))
		if err := isOneLine(o); err != nil {
			t.Errorf("%s: %v", row.says, err)
		}
		event := env.WaitForEvent(refs[i], "InvalidAnnotation", domain+row.annotation)
		if event.Type != "Warning" || strings.Contains(event.Note, "\n") || !strings.Contains(event.Note, row.why) || !strings.Contains(event.Note, refs[i].Namespace+"/"+refs[i].Name) {
			t.Errorf("%s: the event is %q", row.says, event)
		}
	}

	t.Log("the others are unharmed, a new one too")
	env.Apply(kit.Source(bystander, "changed", "target-namespaces=all"))
	fresh := kit.Object(configMap, src, "fresh")
	env.Apply(source(fresh, "target-namespaces=all"))
	waitForMirrors(env, fresh, "a", "b")
	env.WaitFor(bystander.In(a), "has the change", hasData("changed"))
	env.WaitFor(bystander.In(b), "has the change", hasData("changed"))
	for i, row := range rows {
		if now := env.Get(refs[i].In(a)).GetResourceVersion() + env.Get(refs[i].In(b)).GetResourceVersion(); now != before[refs[i]] {
			t.Errorf("%s: the mirrors were written", row.says)
		}
	}

	t.Log("a restart doesn't make it better or worse")
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	km = env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply(kit.Source(fresh, "changed", "target-namespaces=all"))
	env.WaitFor(fresh.In(a), "has the change", hasData("changed"))
	for i, row := range rows {
		if now := env.Get(refs[i].In(a)).GetResourceVersion() + env.Get(refs[i].In(b)).GetResourceVersion(); now != before[refs[i]] {
			t.Errorf("%s: the mirrors were written after a restart", row.says)
		}
		if line := lineWith(km.Log(), refs[i].Name+`"`); line != "" {
			t.Errorf("%s: it is told again after a restart: %s", row.says, line)
		}
	}

	t.Log("mended: the change goes out")
	for _, r := range refs {
		env.Apply(kit.Source(r, "changed", "target-namespaces=all"))
	}
	for i, row := range rows {
		env.WaitFor(refs[i], "mended of "+row.says+" is in sync", kit.HasStatus("2/2 synced"))
		env.WaitFor(refs[i].In(a), "has the change", hasData("changed"))
		env.WaitFor(refs[i].In(b), "has the change", hasData("changed"))
	}
}

func TestASourceThatCantBeReadFromTheFirstIsNotMirroredUntilItIsMended(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all", "transform=rules: ["))
	o := env.WaitFor(src, "says what is wrong", statusHolds("stopped", domain+"transform"))
	if got := mirrorsOf(env, src); len(got) > 0 || len(o.GetFinalizers()) > 0 {
		t.Errorf("mirrors in %q, finalizers %q", got, o.GetFinalizers())
	}
	env.Apply(source(src, "target-namespaces=all", "transform=rules:\n- {path: data.key, value: better}"))
	waitForMirrors(env, src, "a")
	env.WaitFor(src.In(env.Name("a")), "is transformed", hasData("better"))

	t.Log("one that can't be read can still be deleted, and its mirrors with it")
	env.Annotate(src, domain+"max-targets=many")
	env.WaitFor(src, "says what is wrong", statusHolds("stopped", domain+"max-targets"))
	env.Delete(src)
	env.WaitGone(src)
	if got := mirrorsOf(env, src); len(got) > 0 {
		t.Errorf("mirrors left in %q", got)
	}
}

// TestTurningASourceOffWorksWhateverElseIsWrongWithIt: exclude counts whatever else
// the source says, and what asks for no mirroring can't ask for it wrongly.
func TestTurningASourceOffWorksWhateverElseIsWrongWithIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1")
	for i, off := range [][]string{
		{"exclude=true", "paused=yes"},
		{"exclude=true", "sync=yes"},
		{"exclude=true", "target-namespaces=all,!Not_A_Name"},
		{"exclude=true", "transform=rules: ["},
		{"sync=false", "exclude=no"},
		{"sync=", "max-targets=many", "paused=1"},
		{"exclude=true", "paused=true"},
	} {
		r := kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		env.Apply(source(r, "target-namespaces=all"))
		waitForMirrors(env, r, "a")
		env.Apply(source(r, off...))
		env.WaitGone(r.In(env.Name("a")))
		env.WaitFor(r, "has no status and no finalizer", func(o *unstructured.Unstructured) error {
			if left := o.GetFinalizers(); len(left) > 0 {
				return fmt.Errorf("finalizers %q", left)
			}
			return kit.HasStatus("")(o)
		})
	}
}

// TestATypeThatTheServerDoesntHaveIsReportedAndPickedUpWhenItAppears names a type
// whose definition comes later, one that never comes, and one without namespaces.
func TestATypeThatTheServerDoesntHaveIsReportedAndPickedUpWhenItAppears(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("src")
	env.Namespace("a")
	kind := "Mouse.v1." + env.Prefix() + ".example.com"
	km := env.Start("--resource-types=ConfigMap.v1,Namespace.v1,Cat.v1.example.com," + kind) // it gets ready
	config := kit.Object(configMap, env.Name("src"), "settings")
	env.Apply(source(config, "target-namespaces=all"))
	waitForMirrors(env, config, "a")
	for _, name := range []string{kind, "Cat.v1.example.com", "Namespace.v1"} {
		if lineWith(km.Log(), name+`"`) == "" || strings.Count(km.Log(), name+`"`) > 2 {
			t.Errorf("the log doesn't say once or twice what is with %s:\n%s", name, km.Log())
		}
	}

	env.Apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: mice.PREFIX.example.com}
spec:
  group: PREFIX.example.com
  scope: Namespaced
  names: {plural: mice, kind: Mouse}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)
	mouse := kit.Object(kind, env.Name("src"), "jerry")
	env.Apply(source(mouse, "target-namespaces=all"))
	waitForMirrors(env, mouse, "a")
	env.Apply(kit.Source(config, "changed", "target-namespaces=all"))
	env.WaitFor(config.In(env.Name("a")), "has the change", hasData("changed"))
}

func TestSecretsOfTypesThatAreNeverMirroredAreRefused(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	env.Start("--resource-types=Secret.v1")
	types := map[string]string{
		"account": "kubernetes.io/service-account-token",
		"node":    "bootstrap.kubernetes.io/token",
		"release": "helm.sh/release.v1",
	}
	for name, kind := range types {
		env.Apply(fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata:
  name: %s
  namespace: PREFIX-src
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: all
    kubernetes.io/service-account.name: default
type: %s
stringData: {key: value}
`, name, kind))
	}
	good := kit.Object("Secret", src, "good")
	env.Apply(source(good, "target-namespaces=all"))
	for name, kind := range types {
		r := kit.Object("Secret", src, name)
		o := env.WaitFor(r, "says why it is refused", statusHolds("refused", kind))
		if err := isOneLine(o); err != nil {
			t.Error(err)
		}
		event := env.WaitForEvent(r, "SourceRefused", kind)
		if event.Type != "Warning" || !strings.Contains(event.Note, src+"/"+name) {
			t.Errorf("the event is %q", event)
		}
		if got := mirrorsOf(env, r); len(got) > 0 || len(o.GetFinalizers()) > 0 {
			t.Errorf("%s: mirrors in %q, finalizers %q", kind, got, o.GetFinalizers())
		}
	}
	waitForMirrors(env, good, "a")

	t.Log("asked for no more, it says nothing more")
	account := kit.Object("Secret", src, "account")
	env.Annotate(account, domain+"sync=false")
	env.WaitFor(account, "has no status", kit.HasStatus(""))
}
