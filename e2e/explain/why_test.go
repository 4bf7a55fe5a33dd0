package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// head is what all answers about the source begin with.
const head = `
ok    type           Secret.v1 is mirrored
ok    label          enabled is "true"
ok    annotation     sync is "true"
ok    readable       all that it asks for can be read
ok    source         PREFIX-platform is a source namespace
`

const byFlags = `ok    controller     by the flags of --controller-flags
`

func source(env *kit.Env, name, annotations string) kit.Ref {
	env.Apply(`
apiVersion: v1
kind: Secret
metadata:
  name: ` + name + `
  namespace: PREFIX-platform
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", ` + annotations + `}
stringData: {password: hunter2}
`)
	return kit.Object("Secret", env.Name("platform"), name)
}

func synced(env *kit.Env, r kit.Ref, status string) {
	env.WaitFor(r, "says "+status, func(o *unstructured.Unstructured) error {
		if got := kit.StatusOf(o); !strings.HasPrefix(got, status+" synced") {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
}

func TestWhyTellsItsAuthorOfEachTargetAndTheWayToIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	for _, name := range []string{"platform", "ok", "other"} {
		env.Namespace(name)
	}
	env.Namespace("closed", domain+"allow-mirrors=false")
	env.Namespace("taken")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: PREFIX-some, annotations: {kubemirror.raczylo.com/allow-from: security}}}")
	env.Apply("{apiVersion: v1, kind: Secret, metadata: {name: registry, namespace: PREFIX-taken}}")
	registry := source(env, "registry", `kubemirror.raczylo.com/target-namespaces: "PREFIX-*,!PREFIX-other,PREFIX-missing"`)
	env.Start("--resource-types=Secret.v1")
	synced(env, registry, "1/3")
	u := admin(t, env)

	u.expect(1, "why secret/registry -n PREFIX-platform", `
Secret PREFIX-platform/registry: 1 of 3 in sync`+head+byFlags+`
NAMESPACE        MIRROR     STATE     WHY
PREFIX-closed    -          refused   allow-mirrors on the namespace is "false"
PREFIX-missing   -          blocked   there is no namespace PREFIX-missing
PREFIX-ok        registry   in sync   in sync since TIME
PREFIX-some      -          refused   allow-from on the namespace is "security": PREFIX-platform isn't in it
PREFIX-taken     registry   blocked   Secret "registry" is there and is no mirror of this source; delete or rename it, or set kubemirror.raczylo.com/target-name
do:   kubectl mirror why secrets/registry -n PREFIX-platform --in PREFIX-missing
`, "")

	const reached = `
Secret PREFIX-platform/registry -> PREFIX-ok: in sync` + head + `ok    namespace      PREFIX-ok is there
ok    asked          "PREFIX-*" matches it
ok    flags          the controller's flags leave it in
ok    allow-mirrors  the namespace takes mirrors
ok    allow-from     and those of PREFIX-platform
ok    limit          2 of at most 100
ok    name           "registry"
ok    rules          there are none
ok    place          the mirror is there
ok    server         it isn't asked
ok    synced         in sync since TIME
` + byFlags
	u.expect(0, "why secret/registry -n PREFIX-platform --in PREFIX-ok", reached, "")
	u.expect(0, "why secret/registry -n PREFIX-ok", reached, "") // from the other side
	u.expect(1, "why secret/registry -n PREFIX-closed", `
Secret PREFIX-platform/registry -> PREFIX-closed: no mirror`+head+`ok    namespace      PREFIX-closed is there
ok    asked          "PREFIX-*" matches it
ok    flags          the controller's flags leave it in
NO    allow-mirrors  allow-mirrors on the namespace is "false"
-     allow-from, limit, name, rules, place, server, synced: not reached
`+byFlags+`do:   kubectl label namespace PREFIX-closed kubemirror.raczylo.com/allow-mirrors-
`, "")
	u.expect(1, "why secret/registry -n PREFIX-nobody", `
Secret PREFIX-platform/registry -> PREFIX-nobody: no mirror`+head+`NO    namespace      there is no namespace PREFIX-nobody
-     asked, flags, allow-mirrors, allow-from, limit, name, rules, place, server, synced: not reached
`+byFlags+`do:   kubectl create namespace PREFIX-nobody
`, "")
}

// A row of trouble: what is wrong with one source, the check that says so, and what to do.
// After what is said to be done, the mirror is there.
var troubles = []struct {
	name, change, check, says, do string
}{
	{"the label is missing", `label secret login kubemirror.raczylo.com/enabled-`, "label", "it has no label kubemirror.raczylo.com/enabled",
		"kubectl label secrets login -n PREFIX-platform --overwrite kubemirror.raczylo.com/enabled=true"},
	{"the annotation is missing", `annotate secret login kubemirror.raczylo.com/sync-`, "annotation", "it has no annotation kubemirror.raczylo.com/sync",
		"kubectl annotate secrets login -n PREFIX-platform --overwrite kubemirror.raczylo.com/sync=true"},
	{"it is turned off", `annotate --overwrite secret login kubemirror.raczylo.com/sync=false`, "annotation", `kubemirror.raczylo.com/sync is "false"`,
		"kubectl annotate secrets login -n PREFIX-platform --overwrite kubemirror.raczylo.com/sync=true"},
	{"it is excluded", `annotate secret login kubemirror.raczylo.com/exclude=true`, "annotation", `kubemirror.raczylo.com/exclude is "true"`,
		"kubectl annotate secrets login -n PREFIX-platform kubemirror.raczylo.com/exclude-"},
	{"it is paused", `annotate secret login kubemirror.raczylo.com/paused=true`, "readable", "it is paused: its mirrors stay as they are",
		"kubectl annotate secrets login -n PREFIX-platform kubemirror.raczylo.com/paused-"},
	{"an item takes it away", `annotate --overwrite secret login kubemirror.raczylo.com/target-namespaces=PREFIX-*,!PREFIX-a`, "asked", `"!PREFIX-a" takes it away`,
		"kubectl annotate secrets login -n PREFIX-platform --overwrite 'kubemirror.raczylo.com/target-namespaces=PREFIX-*'"},
	{"nothing asks for it", `annotate --overwrite secret login kubemirror.raczylo.com/target-namespaces=PREFIX-b`, "asked", "nothing in target-namespaces or target-selector matches it",
		"kubectl annotate secrets login -n PREFIX-platform --overwrite kubemirror.raczylo.com/target-namespaces=PREFIX-b,PREFIX-a"},
	{"the namespace refuses", `label namespace PREFIX-a kubemirror.raczylo.com/allow-mirrors=false`, "allow-mirrors", `allow-mirrors on the namespace is "false"`,
		"kubectl label namespace PREFIX-a kubemirror.raczylo.com/allow-mirrors-"},
	{"the namespace takes others'", `annotate namespace PREFIX-a kubemirror.raczylo.com/allow-from=security`, "allow-from", `allow-from on the namespace is "security": PREFIX-platform isn't in it`,
		"kubectl annotate namespace PREFIX-a --overwrite kubemirror.raczylo.com/allow-from=security,PREFIX-platform"},
	{"there are too many", `annotate secret login kubemirror.raczylo.com/max-targets=0`, "limit", "the source asks for 2 namespaces, and may have 0: ask for fewer, or have --max-targets raised",
		"kubectl annotate secrets login -n PREFIX-platform --overwrite kubemirror.raczylo.com/max-targets=2"},
	{"something else is there", `create secret generic login --namespace=PREFIX-a`, "place",
		`Secret "login" is there and is no mirror of this source; delete or rename it, or set kubemirror.raczylo.com/target-name`,
		"kubectl delete secrets login -n PREFIX-a"},
}

func TestWhyNamesWhatIsWrongAndTheCommandThatMendsIt(t *testing.T) {
	t.Parallel()
	for _, row := range troubles {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			for _, name := range []string{"platform", "a", "b"} {
				env.Namespace(name)
			}
			here := func(text string) string { return strings.ReplaceAll(text, "PREFIX", env.Prefix()) }
			if row.check == "place" {
				env.Kubectl("", strings.Fields(here(row.change))...)
			}
			source(env, "login", `kubemirror.raczylo.com/target-namespaces: "PREFIX-*"`)
			if row.check != "place" {
				env.Kubectl("", append(strings.Fields(here(row.change)), "-n", env.Name("platform"))...)
			}
			env.Start("--resource-types=Secret.v1")
			u := admin(t, env)
			got := u.mirror("why", "secret/login", "-n", "PREFIX-platform", "--in", "PREFIX-a")
			if got.code != 1 || !strings.Contains(got.out, "NO    "+row.check) || !strings.Contains(got.out, row.says+"\n") || !strings.Contains(got.out, "do:   "+row.do+"\n") {
				t.Fatalf("it says, with %s\nwant NO at %s: %s\nand do: %s", got, row.check, row.says, row.do)
			}
			todo := here(row.do)
			env.Kubectl("", strings.Fields(strings.ReplaceAll(todo, "'", ""))[1:]...)
			env.WaitFor(kit.Object("Secret", env.Name("a"), "login"), "is a mirror", func(o *unstructured.Unstructured) error {
				if o.GetLabels()[domain+"mirror"] == "" {
					return errors.New("it is none")
				}
				return nil
			})
			env.Eventually("why says that all is well", func(context.Context) error {
				if got := u.mirror("why", "secret/login", "-n", "PREFIX-platform", "--in", "PREFIX-a"); got.code != 0 {
					return errors.New(got.String())
				}
				return nil
			})
		})
	}
}
