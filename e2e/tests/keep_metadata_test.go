package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// hasKeys is the check of an object that has these labels and annotations, and none of those
// behind a "!".
func hasKeys(keys ...string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		for where, have := range map[string]map[string]string{"labels": o.GetLabels(), "annotations": o.GetAnnotations()} {
			for _, key := range keys {
				name, unwanted := strings.CutPrefix(key, "!")
				if _, there := have[name]; there == unwanted {
					return fmt.Errorf("%s: %s is there: %v", where, name, there)
				}
			}
		}
		return nil
	}
}

func TestASourceSaysWhichStrippedKeysGoOut(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "repo")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=Secret.v1", "--strip-metadata=private.example.com/*")
	env.Apply(source(src, "target-namespaces=PREFIX-a"))
	const held = "kopf.zalando.org/last-handled-configuration"
	var all []string
	for _, key := range []string{"argocd.argoproj.io/sync-wave", "argocd.argoproj.io/secret-type", "helm.sh/chart", "private.example.com/x", held} {
		all = append(all, key+"=x")
	}
	env.Label(src, all...)
	env.Annotate(src, append(all, "kubectl.kubernetes.io/last-applied-configuration=the-object-as-applied")...)
	env.WaitFor(mirror, "has what isn't stripped", hasKeys("argocd.argoproj.io/secret-type", "!argocd.argoproj.io/sync-wave", "!helm.sh/chart", "!private.example.com/x", "!"+held))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
	km.WaitQuiet(500 * time.Millisecond)

	t.Log("what it lets through comes with one write, and nothing that it may not let through")
	mark := env.Mark()
	env.Annotate(src, domain+"keep-metadata=helm.sh/*, argocd.argoproj.io/sync-*,*")
	o := env.WaitFor(mirror, "has what is let through", hasKeys("argocd.argoproj.io/secret-type", "argocd.argoproj.io/sync-wave", "helm.sh/chart", "!private.example.com/x", "!"+held, "!"+domain+"sync"))
	lacksText(t, o, "the-object-as-applied")
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Except: []string{"leases"}}); len(writes) != 1 {
		t.Errorf("want one write:\n%s", writes)
	}

	for list, why := range map[string]string{
		"kubectl.kubernetes.io/last-applied-configuration": "never let through",
		"private.example.com/x":                            "--strip-metadata",
		domain + "*":                                       "never let through",
		"helm.sh/[a-z]*":                                   "can't be in a name or glob",
	} {
		env.Annotate(src, domain+"keep-metadata="+list)
		env.WaitFor(src, "says what is wrong with "+list, statusHolds("stopped: ", domain+"keep-metadata: ", why))
	}
	env.WaitFor(mirror, "is as it was", hasKeys("argocd.argoproj.io/sync-wave", "helm.sh/chart"))

	env.Annotate(src, domain+"keep-metadata-")
	env.WaitFor(mirror, "has them no more", hasKeys("argocd.argoproj.io/secret-type", "!argocd.argoproj.io/sync-wave", "!helm.sh/chart"))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
}
