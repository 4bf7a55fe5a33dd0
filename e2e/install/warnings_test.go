package install

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestALabelWithoutTheAnnotationIsWarnedOf has somebody who may write in one namespace
// go through what can be said of a source, by halves.
func TestALabelWithoutTheAnnotationIsWarnedOf(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Apply(editors)
	policed(t, env)
	ann := env.Name("ann")
	grant(env, ann, env.Name("editor"), env.Name("src"))
	config := kubeconfig(t, env, ann)
	half := func(kind, name string) string {
		return strings.Replace(object("v1", kind, name), `    kubemirror.raczylo.com/sync: "true"`, `    other: "x"`, 1)
	}
	here := func(text string) string { return strings.ReplaceAll(text, "PREFIX", env.Prefix()) }
	const text = `it has the label kubemirror.raczylo.com/enabled and no annotation kubemirror.raczylo.com/sync, so it isn't mirrored`
	env.Eventually("the policy warns", func(context.Context) error { // it may come later than that on sources
		if got := run(t, here(half("Secret", "probe")), "kubectl", "--kubeconfig="+config, "create", "--dry-run=server", "-f-"); !strings.Contains(got.errors, text) {
			return errors.New(got.String())
		}
		return nil
	})
	for _, d := range []struct {
		what, stdin, args string
		warned            bool
	}{
		{"make one", half("Secret", "db"), "create -f-", true},
		{"make another kind", half("ConfigMap", "db"), "create -f-", true},
		{"annotate it for another tool", "", "annotate secret db a=b", false},
		{"say where it is to go", "", "annotate secret db kubemirror.raczylo.com/target-namespaces=PREFIX-src", false},
		{"apply it again", half("ConfigMap", "db"), "apply -f-", false},
		{"say that it is meant", "", "annotate secret db kubemirror.raczylo.com/sync=false", false},
		{"take that back", "", "annotate secret db kubemirror.raczylo.com/sync-", true},
		{"say that it is excluded", "", "annotate secret db kubemirror.raczylo.com/exclude=true", false},
		{"turn that off", "", "annotate --overwrite secret db kubemirror.raczylo.com/exclude=false", true},
		{"say nothing by the annotation", "", "annotate secret db kubemirror.raczylo.com/sync=", false},
		{"turn it on", "", "annotate --overwrite secret db kubemirror.raczylo.com/sync=true", false},
		{"take label and annotation off", "", `patch secret db --type=merge -p {"metadata":{"labels":null,"annotations":null}}`, false},
		{"label it anew", "", "label secret db kubemirror.raczylo.com/enabled=true", true},
		{"turn the label off", "", "label --overwrite secret db kubemirror.raczylo.com/enabled=false", false},
		{"make one that is mirrored only where it is named", half("ServiceAccount", "db"), "create -f-", true},
		{"make a whole one", asking("whole"), "create -f-", false},
		{"delete one", "", "delete configmap db", false},
	} {
		got := run(t, here(d.stdin), "kubectl", append([]string{"--kubeconfig=" + config, "--namespace=" + env.Name("src")}, strings.Fields(here(d.args))...)...)
		if got.code != 0 || strings.Contains(got.errors, text) != d.warned || strings.Contains(got.errors, "kubemirror-warnings") != d.warned {
			t.Errorf("%s: it is to be done, and warned of: %v; %s", d.what, d.warned, got)
		}
	}
}
