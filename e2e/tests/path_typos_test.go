package tests

import (
	"context"
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

// vaults is a kind of the test's own that keeps what it doesn't know.
const vaults = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: vaults.PREFIX.example.com}
spec:
  group: PREFIX.example.com
  names: {kind: Vault, plural: vaults}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

func vaultKind(env *kit.Env) string { return "Vault.v1." + env.Prefix() + ".example.com" }

// redactions are objects with one thing that a rule takes out: HUSH stands for it in
// the content, and ENCODED for its base64. Nothing else in them is one slip away.
func redactions(env *kit.Env) []redaction {
	return []redaction{
		{"Secret", "stringData: {password: HUSH, user: me}", nil, "data.password"},
		{"Secret", "stringData: {password: HUSH, user: me}", nil, "stringData.password"},
		{"Secret", "stringData: {tls.key: HUSH, user: me}", nil, `data["tls.key"]`},
		{configMap, "data: {password: HUSH, user: me}", nil, "data.password"},
		{configMap, "binaryData: {blob: ENCODED}", nil, "binaryData.blob"},
		{configMap, "data: {user: me}", []string{"example.com/token=HUSH"}, `metadata.annotations["example.com/token"]`},
		{deploymentKind, hushedDeployment, nil, "spec.template.spec.containers[0].env[0].value"},
		{vaultKind(env), "spec: {auth: {password: HUSH}}", nil, "spec.auth.password"},
		{vaultKind(env), "config: {token: HUSH}", nil, "config.token"},
	}
}

const hushedDeployment = `
spec:
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec: {containers: [{name: app, image: app:v1, env: [{name: DB, value: HUSH}]}]}
`

type redaction struct {
	kind, content string
	annotations   []string
	path          string
}

// actions take out what is at a path, each in its way; what they put there could
// stand anywhere.
var actions = []string{`"delete": true`, `"value": "aGlkZGVu"`, `"template": "{{b64enc .TargetNamespace}}"`}

// source is one with a rule for that path.
func (d redaction) source(r kit.Ref, hush, path, action string, annotations ...string) string {
	quoted, err := json.Marshal(path)
	if err != nil {
		panic(err) // strings can always be encoded
	}
	fill := strings.NewReplacer("HUSH", hush, "ENCODED", base64.StdEncoding.EncodeToString([]byte(hush)))
	all := append([]string{"target-namespaces=PREFIX-a"}, annotations...)
	for _, annotation := range d.annotations {
		all = append(all, fill.Replace(annotation))
	}
	return ruled(r, fill.Replace(d.content), fmt.Sprintf("- {\"path\": %s, %s}\n", quoted, action), all...)
}

// attempt is a source whose rule has a typo in its path.
type attempt struct {
	ref                kit.Ref
	hush, meant, typed string
	action             string
	strict             bool
}

func (a attempt) String() string {
	return fmt.Sprintf("%s: %q for %q, %s, strict %v", a.ref, a.typed, a.meant, a.action, a.strict)
}

// attempts makes a source of each typo, with all actions in turn, strict and not.
func attempts(env *kit.Env, most int) (made []attempt, texts []string) {
	anything := func(string) bool { return true }
	for _, d := range redactions(env) {
		for i, typed := range typosOf(d.path, `abdelmnoprstx09 /.,-_$[]"'\AD`, most, 17, anything) {
			n := len(made)
			a := attempt{
				ref:  kit.Object(d.kind, env.Name("src"), fmt.Sprintf("row-%04d", n)),
				hush: fmt.Sprintf("hush-%04d-do-not-tell", n), meant: d.path, typed: typed,
				action: actions[i%3], strict: i/3%2 == 0,
			}
			made = append(made, a)
			texts = append(texts, d.source(a.ref, a.hush, typed, a.action, fmt.Sprintf("transform-strict=%v", a.strict)))
		}
	}
	return made, texts
}

// TestI10NoTypoInAPathIsSilent: what a rule was to take out stays in, or doesn't go out,
// and either is told.
func TestI10NoTypoInAPathIsSilent(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(3 * time.Minute)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Apply(vaults)
	kinds := []string{"Secret", configMap, deploymentKind, vaultKind(env)}
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=Secret.v1,ConfigMap.v1,"+strings.Join(kinds[2:], ","), "--leader-elect=false",
			"--rate-limit-qps=5000", "--rate-limit-burst=5000", "--worker-threads=10")
	}
	km := start()
	made, texts := attempts(env, 25)
	t.Logf("%d typos", len(texts))
	if len(texts) < 700 {
		t.Error("these are few")
	}
	env.ApplyAll(texts)
	mirrors := map[kit.Ref]*unstructured.Unstructured{}
	statuses := map[kit.Ref]string{}
	for _, kind := range kinds {
		for name, o := range waitForAll(env, kind, src, "has a status", hasSomeStatus) {
			statuses[kit.Object(kind, src, name)] = kit.StatusOf(o)
		}
		for _, o := range env.List(kind, a, domain+"mirror") {
			mirrors[kit.Object(kind, src, o.GetName())] = &o
		}
	}
	silent, out := 0, 0
	for _, try := range made {
		status := statuses[try.ref]
		var leaks []string
		if mirror := mirrors[try.ref]; mirror != nil {
			leaks = finds(mirror.Object, try.hush, "")
		}
		switch {
		case status == "1/1 synced" && mirrors[try.ref] == nil:
			t.Errorf("%s: it says %q, and there is no mirror", try, status)
		case status == "1/1 synced" && len(leaks) > 0:
			t.Errorf("%s: it went out at %q, and nobody was told", try, leaks)
		case try.strict && len(leaks) > 0:
			t.Errorf("%s: it went out at %q though it is strict; %q", try, leaks, status)
		case strings.HasPrefix(status, "stopped: ") && mirrors[try.ref] != nil:
			t.Errorf("%s: it is stopped, and there is a mirror", try)
		case status == "1/1 synced":
			silent++ // another way to write the same path: an escaped letter, say
		case len(leaks) > 0:
			out++
		}
	}
	t.Logf("%d were other words for the same path, %d went out and were told", silent, out)
	if silent > len(made)/20 || out < len(made)/20 {
		t.Error("this is another proportion than there should be")
	}
	everyoneIsTold(t, env, made, statuses)

	t.Log("none of them is written at a restart")
	km.Stop()
	mark := env.Mark()
	km = start()
	fresh := kit.Object(configMap, src, "zz-fresh")
	env.Apply(source(fresh, "target-namespaces=PREFIX-a"))
	waitForMirrors(env, fresh, "a")
	for _, r := range km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}) {
		if r.Code < 300 && r.Resource != "events" && r.Name != fresh.Name && r.Namespace != a {
			t.Errorf("the restart wrote: %s", r)
		}
	}
	for try, mirror := range mirrors {
		if now := env.Get(try.In(a)); now.GetResourceVersion() != mirror.GetResourceVersion() {
			t.Errorf("the restart wrote the mirror of %s", try)
		}
	}
}

// everyoneIsTold waits until each source that isn't in sync has an event.
func everyoneIsTold(t *testing.T, env *kit.Env, made []attempt, statuses map[kit.Ref]string) {
	t.Helper()
	env.Eventually("each that isn't in sync has an event", func(context.Context) error {
		told := map[string]int{}
		for _, reason := range []string{"InvalidAnnotation", "TransformFailed", "WriteRefused"} {
			for name, n := range eventsIn(env, env.Name("src"), reason) {
				told[name] += n
			}
		}
		for _, try := range made {
			if statuses[try.ref] != "1/1 synced" && told[try.ref.Name] == 0 {
				return fmt.Errorf("%s has none", try)
			}
		}
		return nil
	})
}
