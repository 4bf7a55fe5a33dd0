package install

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

func TestThePluginKnowsTheDeploymentsFlagsAndWhatAnAuthorMayNot(t *testing.T) {
	plugin, err := kubemirror.BuildPlugin(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := kit.New(t)
	for _, name := range []string{"src", "a", "b"} {
		env.Namespace(name)
	}
	env.Apply(editors)
	env.Apply(widgets)
	policed(t, env, "--set=controller.maxTargets=1")
	ann := env.Name("ann")
	grant(env, ann, env.Name("editor"), env.Name("src"))
	grant(env, ann, env.Name("creator"), env.Name("a"))
	mirror := func(stdin string, args ...string) outcome {
		return run(t, strings.ReplaceAll(stdin, "PREFIX", env.Prefix()), plugin, append(args, "--kubeconfig="+admin(t, env))...)
	}

	wide := asking("wide", "target-namespaces=PREFIX-a,PREFIX-b")
	got := mirror(wide, "plan", "-f", "-", "--as="+ann)
	if want := `NO    admission      "` + ann + `" may not create secrets in the namespace "` + env.Name("b") + `"`; got.code != 1 || !strings.Contains(got.out, want) || !strings.Contains(got.out, "the source asks for 2 namespaces, and may have 1") {
		t.Errorf("a plan in the name of one who may not create in b: %s", got)
	}
	if got := mirror(asking("narrow", "target-namespaces=PREFIX-a"), "plan", "-f", "-", "--as="+ann); got.code != 1 || strings.Contains(got.out, "admission") || !strings.Contains(got.out, "1 namespace: 1 create") {
		t.Errorf("a plan in the name of one who may create in a: %s", got)
	}
	if got := mirror(wide, "plan", "-f", "-"); strings.Contains(got.out, "admission") {
		t.Errorf("a plan of an administrator: %s", got)
	}
	env.Apply(asking("narrow", "target-namespaces=PREFIX-a"))
	got = mirror("", "why", "secret/narrow", "-n", env.Name("src"), "--in", env.Name("a"))
	for _, want := range []string{"ok    server         it would take the mirror", "no Pod of the Deployment system-" + env.Prefix() + "/kubemirror is ready"} {
		if got.code != 1 || !strings.Contains(got.out, want) {
			t.Errorf("why doesn't say %q: %s", want, got)
		}
	}
}
