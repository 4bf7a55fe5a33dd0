package kit_test

import (
	"context"
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

const configMap = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: PREFIX-app
data:
  for: PREFIX-*
`

func TestObjectsAreAppliedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	app := env.Namespace("app", "team=blue")
	settings := kit.Object("ConfigMap", app, "settings")
	if got := env.Get(kit.Object("Namespace", "", app)).GetLabels()["team"]; got != "blue" {
		t.Errorf("the namespace's label is %q", got)
	}
	if env.Find(settings) != nil {
		t.Error("the ConfigMap is there before it was applied")
	}

	applied := env.Apply(configMap)
	if got, _, _ := unstructured.NestedString(applied.Object, "data", "for"); got != env.Name("*") {
		t.Errorf("PREFIX became %q", got)
	}
	env.Annotate(settings, "a=1", "b=2")
	env.Annotate(settings, "a-", "c=3")
	env.Label(settings, "l=1")
	env.Update(settings, func(o *unstructured.Unstructured) { o.SetFinalizers([]string{"example.com/held"}) })
	env.Patch(settings, `{"data":{"more":"PREFIX"}}`)
	env.WaitFor(settings, "has all changes", func(o *unstructured.Unstructured) error {
		more, _, _ := unstructured.NestedString(o.Object, "data", "more")
		got := fmt.Sprintln(o.GetAnnotations(), o.GetLabels(), o.GetFinalizers(), more)
		if want := "map[b:2 c:3] map[l:1] [example.com/held] " + env.Prefix() + "\n"; got != want {
			return fmt.Errorf("it has %s, want %s", got, want)
		}
		return nil
	})
	if got := env.List("ConfigMap", app, "l=1"); len(got) != 1 {
		t.Errorf("%d ConfigMaps, want 1", len(got))
	}
	env.Delete(settings)
	env.Update(settings, func(o *unstructured.Unstructured) { o.SetFinalizers(nil) })
	env.WaitGone(settings)
	env.Delete(settings) // no error
}

func TestAKindAppliedWithItsDefinitionIsThere(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	app := env.Namespace("app")
	env.Apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: mice.PREFIX.example.com
spec:
  group: PREFIX.example.com
  scope: Namespaced
  names: {plural: mice, kind: Mouse}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: PREFIX.example.com/v1alpha1
kind: Mouse
metadata: {name: jerry, namespace: PREFIX-app}
`)
	env.Get(kit.Object("Mouse.v1alpha1."+env.Prefix()+".example.com", app, "jerry"))
}

func TestAKindOfATestGoesAfterItsObjectsAndTheirFinalizers(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	env := kit.New(r)
	app := env.Namespace("app")
	var definitions []kit.Ref
	for _, kind := range []string{"Ant", "Bee", "Cow"} { // they are cleared up in any order
		group := strings.ToLower(kind) + "." + env.Prefix() + ".example.com"
		env.Apply(fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: many.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {plural: many, kind: %[2]s}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: %[1]s/v1
kind: %[2]s
metadata: {name: one, namespace: %[3]s, finalizers: [example.com/held]}
`, group, kind, app))
		definitions = append(definitions, kit.Object("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "many."+group))
	}
	mark := env.Mark()
	for _, f := range r.cleanups {
		f()
	}
	if r.Failed() {
		t.Errorf("clearing up says: %s", r.text.String())
	}
	for _, definition := range definitions {
		env.WaitGone(definition)
	}
	requests, err := env.Audit().Since(t.Context(), mark, audit.Filter{Verbs: []string{"delete"}, Resources: []string{"many", "customresourcedefinitions"}})
	if err != nil {
		t.Fatal(err)
	}
	requests = slices.DeleteFunc(requests, func(r audit.Request) bool { return !strings.Contains(r.URI, "."+env.Prefix()+".example.com") })
	for n, request := range requests {
		if (request.Resource == "many") != (n < len(definitions)) {
			t.Errorf("a definition is deleted before an object:\n%s", requests)
		}
	}
}

func TestWaitsSeeWhatComesLater(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	settings := kit.Object("ConfigMap", env.Namespace("app"), "settings")
	go env.Apply(configMap)
	env.WaitFor(settings, "is there", kit.Exists)
	env.Consistently("it is there", 100*time.Millisecond, func(context.Context) error {
		if env.Find(settings) == nil {
			return errors.New("it is gone")
		}
		return nil
	})
	env.Apply(`
apiVersion: v1
kind: Event
metadata: {name: e, namespace: PREFIX-app}
involvedObject: {kind: ConfigMap, name: settings, namespace: PREFIX-app}
type: Warning
reason: Odd
message: this is odd
`)
	if got := env.WaitForEvent(settings, "Odd", "is odd").String(); got != "Warning Odd: this is odd" {
		t.Errorf("the event is %q", got)
	}
}

func TestProcessesOfATestAreToldApart(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	mark := env.Mark()
	one, two := env.Start(), env.Start()
	for _, km := range []*kit.Kubemirror{one, two} {
		if got := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(got) != 1 || got[0].Code != 201 {
			t.Errorf("%s made, instead of one write:\n%s", km.User, got)
		}
	}
	one.WaitQuiet(100 * time.Millisecond)
	if got := one.Stop(); got != 0 {
		t.Errorf("exit code %d after SIGTERM", got)
	}
	two.Kill()
	if got := two.WaitExit(); got != -1 {
		t.Errorf("exit code %d after SIGKILL", got)
	}
}

func TestAProcessMayBeRunOtherwise(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	wrong := env.Launch(kit.Launch{Flags: []string{"--no-such-flag"}})
	if got := wrong.WaitExit(); got != 2 || !strings.Contains(wrong.Log(), "no-such-flag") {
		t.Errorf("exit code %d, log %s", got, wrong.Log())
	}
	powerless := env.Launch(kit.Launch{Groups: []string{"nobody"}})
	if got := powerless.WaitExit(); got != 1 || !strings.Contains(powerless.Log(), "forbidden") {
		t.Errorf("exit code %d, log %s", got, powerless.Log())
	}
}

// recorder is a test that is expected to fail.
type recorder struct {
	testing.TB
	text     strings.Builder
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Failed() bool              { return r.text.Len() > 0 }
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(f string, a ...any)   { fmt.Fprintf(&r.text, f+"\n", a...) }
func (r *recorder) Fatalf(f string, a ...any) { r.Logf(f, a...); panic(r) }

// failure runs a test that is expected to fail and returns what it prints.
func failure(t *testing.T, test func(*kit.Env)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		test(kit.New(r))
		t.Error("it did not fail")
	}()
	for _, f := range r.cleanups {
		f()
	}
	return r.text.String()
}

func TestAFailureTellsWhatAPersonNeeds(t *testing.T) {
	t.Parallel()
	text := failure(t, func(env *kit.Env) {
		app := env.Namespace("app")
		env.Start()
		env.Apply(configMap)
		env.Within(100*time.Millisecond).WaitFor(kit.Object("ConfigMap", app, "settings"), "turns blue",
			func(*unstructured.Unstructured) error { return errors.New("it is red") })
	})
	for _, want := range []string{"100ms passed, and still not: ConfigMap t", "settings turns blue: it is red",
		"data:\n  for: t", "the log of t", `"Serving" endpoints=`} {
		if !strings.Contains(text, want) {
			t.Errorf("the failure lacks %q:\n%s", want, text)
		}
	}
	text = failure(t, func(env *kit.Env) {
		env.Within(50*time.Millisecond).Eventually("pigs fly", func(context.Context) error { return errors.New("they walk") })
	})
	if !strings.Contains(text, "50ms passed, and still not: pigs fly: they walk") {
		t.Errorf("the failure says:\n%s", text)
	}
}
