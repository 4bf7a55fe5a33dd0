package tests

import (
	"fmt"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// hasFields is the check of an object whose top-level fields are just these, of those
// that rules change.
func hasFields(text string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		var want map[string]any
		if err := yaml.Unmarshal([]byte(text), &want); err != nil {
			return err
		}
		for _, field := range []string{"data", "binaryData", "type"} {
			if !reflect.DeepEqual(o.Object[field], want[field]) {
				return fmt.Errorf("%s is %v, want %v", field, o.Object[field], want[field])
			}
		}
		return nil
	}
}

func TestI10AKeyThatTheSourceGetsLaterDoesNotGoOut(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "app-tls")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=Secret.v1", "-v=7")
	const (
		tls  = "type: kubernetes.io/tls\nstringData: {ca.crt: the-authority, tls.crt: the-certificate, tls.key: key-of-the-owner}"
		keep = "- {path: data, keep: [ca.crt]}\n"
		kept = "{type: Opaque, data: {ca.crt: dGhlLWF1dGhvcml0eQ==}}"
	)

	t.Log("the server takes no such Secret without a key: nothing goes out, and the author is told what to do")
	env.Apply(ruled(src, tls, keep, "target-namespaces=PREFIX-a"))
	env.WaitFor(src, "says what is missing", statusHolds("0/1 synced: ", "kubernetes.io/tls needs tls.crt", "{path: type, value: Opaque}"))
	if o := env.Find(mirror); o != nil {
		t.Errorf("there is a mirror: %v", o)
	}

	t.Log("with another type, just what is kept")
	env.Apply(ruled(src, tls, keep+"- {path: type, value: Opaque}\n", "target-namespaces=PREFIX-a"))
	env.WaitFor(mirror, "has what is kept", hasFields(kept))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))

	t.Log("a key that comes later stays, and starts no write")
	before := env.Get(mirror).GetResourceVersion()
	env.Patch(src, `{"stringData":{"later.key":"key-of-later"}}`)
	env.Namespace("b")
	env.Annotate(src, domain+"target-namespaces="+env.Prefix()+"-a,"+env.Prefix()+"-b")
	env.WaitFor(src.In(env.Name("b")), "has what is kept", hasFields(kept))
	if now := env.Get(mirror).GetResourceVersion(); now != before {
		t.Error("the mirror was written")
	}

	t.Log("a rule that can't keep lets nothing out: the mirrors stay as they are")
	env.Patch(src, `{"stringData":{"ca.crt":"another-authority"}}`)
	env.WaitFor(mirror, "follows", hasFields("{type: Opaque, data: {ca.crt: YW5vdGhlci1hdXRob3JpdHk=}}"))
	env.Apply(ruled(src, tls, "- {path: type, value: Opaque}\n- {path: metadata.labels, keep: [team]}\n- {path: immutable, keep: [a]}\n", "target-namespaces=PREFIX-a,PREFIX-b"))
	env.WaitFor(src, "says so", statusHolds("0/2 synced: ", "rule 3 (immutable): keep needs a map"))
	env.WaitFor(mirror, "is as it was", hasFields("{type: Opaque, data: {ca.crt: YW5vdGhlci1hdXRob3JpdHk=}}"))
	env.WaitForEvent(src, "TransformFailed", "keep needs a map")

	for _, namespace := range []string{"a", "b"} {
		lacksText(t, env.Get(src.In(env.Name(namespace))), "key-of-")
	}
	if line := lineWith(km.Log(), "key-of-"); line != "" {
		t.Errorf("the log has %s", line)
	}
}

func TestKeysComeFromElsewhereInTheSource(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	rows := []struct{ it, kind, content, rules, want, status string }{
		{"is a Secret with a key under a second name", "Secret", "stringData: {ca.crt: ca}",
			`- {path: 'data["ca-bundle.crt"]', from: 'data["ca.crt"]'}`, "{type: Opaque, data: {ca.crt: Y2E=, ca-bundle.crt: Y2E=}}", "1/1 synced"},
		{"is a Secret with a key under another name", "Secret", "stringData: {ca.crt: ca}",
			`- {path: 'data["ca-bundle.crt"]', from: 'data["ca.crt"]', move: true}`, "{type: Opaque, data: {ca-bundle.crt: Y2E=}}", "1/1 synced"},
		{"is a Secret with bytes under another name", "Secret", `data: {raw: "/w=="}`,
			`- {path: data.bytes, from: data.raw, move: true}`, `{type: Opaque, data: {bytes: "/w=="}}`, "1/1 synced"},
		{"is a ConfigMap with a key under a second name", configMap, "data: {ca.crt: ca}",
			`- {path: 'data["ca-bundle.crt"]', from: 'data["ca.crt"]'}`, "{data: {ca.crt: ca, ca-bundle.crt: ca}}", "1/1 synced"},
		{"is a ConfigMap with bytes under another name", configMap, `binaryData: {raw: "/w=="}`,
			`- {path: binaryData.bytes, from: binaryData.raw, move: true}`, `{binaryData: {bytes: "/w=="}}`, "1/1 synced"},
		{"is a ConfigMap with bytes that are text, as text", configMap, "data: {a: b}\nbinaryData: {text: Y2E=}",
			`- {path: data.text, from: binaryData.text, move: true}`, `{data: {a: b, text: ca}}`, "1/1 synced"},
		{"is a ConfigMap with text as bytes", configMap, `data: {text: ca}`,
			`- {path: binaryData.bytes, from: data.text}`, `{data: {text: ca}, binaryData: {bytes: Y2E=}}`, "1/1 synced"},
		{"has bytes that are no text, which can't be", configMap, `binaryData: {raw: "/w=="}`,
			`- {path: data.raw, from: binaryData.raw, move: true}`, `{binaryData: {raw: "/w=="}}`, "rule 1 (data.raw): what is to be copied is not UTF-8 text"},
		{"has a key in both, which can't be", configMap, `binaryData: {text: Y2E=}`,
			`- {path: data.text, from: binaryData.text}`, `{binaryData: {text: Y2E=}}`, `rule 1 (data.text): the same key would be in data and in binaryData`},
		{"has nothing to take", configMap, `data: {a: b}`,
			`- {path: data.c, from: data.d}`, `{data: {a: b}}`, "there is nothing at data.d"},
		{"has nothing to take, which is fine", configMap, `data: {a: b}`,
			`- {path: data.c, from: data.d, optional: true}`, `{data: {a: b}}`, "1/1 synced"},
		{"keeps keys, and takes another one from an annotation", configMap, `data: {a: b, c: d}`,
			"- {path: data, keep: [a]}\n- {path: data.note, from: 'metadata.annotations[\"example.com/note\"]', move: true}", `{data: {a: b, note: noted}}`, "1/1 synced"},
	}
	for i, row := range rows {
		env.Apply(ruled(kit.Object(row.kind, src, fmt.Sprintf("row-%02d", i)), row.content, row.rules, "target-namespaces=PREFIX-a", "example.com/note=noted"))
	}
	for i, row := range rows {
		r := kit.Object(row.kind, src, fmt.Sprintf("row-%02d", i))
		env.WaitFor(r.In(env.Name("a")), row.it, hasFields(row.want))
		env.WaitFor(r, row.it, statusHolds("1/1 synced", row.status))
	}
}
