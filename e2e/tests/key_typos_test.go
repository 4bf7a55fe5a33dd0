package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// keysOfASource are the keys that a source's author writes, with a value of each.
//
// The label enabled is not among them: it is what the server filters by, so an object
// on which it is misspelt never reaches the process, and nobody could tell.
var keysOfASource = map[string]string{
	"sync":                         "true",
	"target-namespaces":            "PREFIX-a",
	"target-selector":              "team=blue",
	"target-name":                  "other",
	"max-targets":                  "1",
	"transform":                    "rules:\n- {path: data.key, delete: true}",
	"transform-strict":             "true",
	"exclude":                      "true",
	"paused":                       "true",
	"recreate-on-immutable-change": "true",
	"on-delete":                    "retain",
}

// sourceOf is a source with just these annotations, whole keys, and the label.
func sourceOf(r kit.Ref, annotations map[string]string) string {
	var lines strings.Builder
	for key, value := range annotations {
		fmt.Fprintf(&lines, "    %q: %q\n", key, value)
	}
	return fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: %s
  name: %s
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
%sdata: {key: value}
`, r.Namespace, r.Name, &lines)
}

// isKey reports whether the server takes a text for the key of an annotation.
func isKey(text string) bool { return len(validation.IsQualifiedName(strings.ToLower(text))) == 0 }

func TestI10NoTypoInAKeyIsSilent(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(3 * time.Minute)
	src, a := env.Namespace("src"), env.Namespace("a", "team=blue")
	type slip struct{ key, meant string }
	var texts []string
	made := map[string]slip{}
	for meant, value := range keysOfASource {
		for _, key := range typosOf(domain+meant, "abelmnorstxz019-_./KT", 25, 17, isKey) {
			annotations := map[string]string{domain + "sync": "true", domain + "target-namespaces": "PREFIX-a"}
			delete(annotations, domain+meant)
			annotations[key] = value
			r := kit.Object(configMap, src, fmt.Sprintf("row-%04d", len(texts)))
			made[r.Name] = slip{key, domain + meant}
			texts = append(texts, sourceOf(r, annotations))
		}
	}
	t.Logf("%d typos of %d keys", len(texts), len(keysOfASource))
	if len(texts) < 800 {
		t.Errorf("these are few")
	}
	env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=5000", "--rate-limit-burst=5000", "--worker-threads=10")
	env.ApplyAll(texts)
	sources := waitForAll(env, configMap, src, "has a status", hasSomeStatus)
	for name, slip := range made {
		got := kit.StatusOf(sources[name])
		if !strings.HasPrefix(got, "stopped: ") || !strings.Contains(got, slip.key+";") || !strings.HasSuffix(got, "did you mean "+slip.meant+"?") {
			t.Errorf("%s for %s: the status is %q", slip.key, slip.meant, got)
		}
	}
	env.WaitForEvent(kit.Object(configMap, src, fmt.Sprintf("row-%04d", len(texts)-1)), "InvalidAnnotation", "unknown annotation")
	env.Eventually("each has its event", func(context.Context) error {
		told := eventsIn(env, src, "InvalidAnnotation")
		for name, slip := range made {
			if told[name] != 1 {
				return fmt.Errorf("%s is told in %d events", slip.key, told[name])
			}
		}
		return nil
	})
	if out := env.List(configMap, a, domain+"mirror"); len(out) > 0 {
		t.Errorf("%d mirrors of sources that can't be read, the first of %s", len(out), out[0].GetAnnotations()[domain+"source-name"])
	}
}

// hasSomeStatus is the check of a source that says anything at all.
func hasSomeStatus(o *unstructured.Unstructured) error {
	if kit.StatusOf(o) == "" {
		return fmt.Errorf("it has no status, its annotations are %v", o.GetAnnotations())
	}
	return nil
}

// TestI10AKeyWhereItMeansNothingIsTold has what is right elsewhere: a key as a label
// that is an annotation, and one of a namespace.
func TestI10AKeyWhereItMeansNothingIsTold(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a", "team=blue")
	env.Start("--resource-types=ConfigMap.v1")
	rows := map[string]func(kit.Ref){}
	for key := range keysOfASource {
		rows[domain+key+" is an annotation, not a label"] = func(r kit.Ref) { env.Label(r, domain+key+"=true") }
	}
	rows[domain+"enabled is a label, not an annotation"] = func(r kit.Ref) { env.Annotate(r, domain+"enabled=true") }
	rows[allowMirrors+" belongs on a namespace"] = func(r kit.Ref) { env.Label(r, allowMirrors+"=true") }
	rows[allowFrom+" belongs on a namespace"] = func(r kit.Ref) { env.Annotate(r, allowFrom+"=PREFIX-src") }
	rows["unknown annotation "+domain+"dry-run"] = func(r kit.Ref) { env.Annotate(r, domain+"dry-run=true") }
	rows["unknown label "+domain+"team"] = func(r kit.Ref) { env.Label(r, domain+"team=blue") }
	rows["unknown annotation "+domain] = func(r kit.Ref) { env.Annotate(r, domain+"kubemirror-sync=true") }
	i := 0
	for want, spoil := range rows {
		r := kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		i++
		env.Apply(source(r, "target-namespaces=PREFIX-a"))
		before := env.WaitFor(r.In(env.Name("a")), "is there", kit.Exists)
		env.WaitFor(r, "is in sync", kit.HasStatus("1/1 synced"))
		spoil(r)
		env.WaitFor(r, "says what is wrong", statusHolds("stopped: "+want))
		env.WaitForEvent(r, "InvalidAnnotation", want)
		env.Patch(r, `{"data":{"key":"changed"}}`)
		fresh := kit.Object(configMap, src, "fresh-"+r.Name)
		env.Apply(source(fresh, "target-namespaces=PREFIX-a"))
		waitForMirrors(env, fresh, "a")
		if now := env.Get(r.In(env.Name("a"))); now.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s: the mirror was written", want)
		}
	}
}
