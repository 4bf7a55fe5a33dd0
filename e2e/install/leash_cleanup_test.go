package install

import (
	"context"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestAThiefOfTheCleanupsTokenCanOnlyTakeAway(t *testing.T) {
	env := kit.New(t)
	system, target := "system-"+env.Prefix(), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	stageLoot(t, env, target)
	const deletes = "--set=cleanup.deleteMirrors=true"
	release(t, env, system, deletes)
	env.Apply("{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: " + target + ", name: kubemirror}" + daemon + "}")
	// The account is there while the release is being uninstalled.
	for _, o := range decode(t, must(t, "render the hook", helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"), "--namespace="+system, deletes, "--show-only=templates/cleanup.yaml"))) {
		if o.GetKind() == "Job" {
			continue
		}
		y, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		env.Apply(string(y))
		t.Cleanup(func() { env.Delete(kit.RefTo(o)) })
	}
	config := "--kubeconfig=" + account(t, env, system, "kubemirror-cleanup")
	patch := func(name, body string) []string {
		return []string{"-n", target, "patch", "secret", name, "--type=merge", "-p", body}
	}
	const content, held, released = `{"data":{"password":"eA=="}}`, `{"metadata":{"finalizers":["kubemirror.raczylo.com/finalizer"]}}`,
		`{"metadata":{"finalizers":null,"annotations":{"kubemirror.raczylo.com/sync-status":null}}}`
	env.Eventually("the leash holds", func(context.Context) error {
		return refused(run(t, "", "kubectl", append([]string{config}, append(patch("theirs", content), "--dry-run=server")...)...))
	})
	for _, row := range []attempt{
		{"change somebody's Secret", "", patch("theirs", content)},
		{"delete it", "", []string{"-n", target, "delete", "secret", "theirs"}},
		{"change a mirror", "", patch("db", content)},
		{"make it nobody's", "", patch("db", `{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":null}}}`)},
		{"hold a source", "", patch("source", held)},
		{"write its status", "", patch("source", `{"metadata":{"annotations":{"kubemirror.raczylo.com/sync-status":"1/1 synced"}}}`)},
		{"delete the child of a mirror", "", []string{"-n", target, "delete", "secret", "child"}},
		{"end somebody's Deployment", "", []string{"-n", target, "delete", "deployment", "kubemirror"}},
		{"change its own", "", []string{"-n", system, "label", "deployment", "kubemirror", "a=b"}},
		{"delete a namespace", "", []string{"delete", "namespace", target, "--wait=false"}},
	} {
		if err := refused(run(t, row.stdin, "kubectl", append([]string{config}, row.args...)...)); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
	}
	for _, row := range []attempt{
		{"let go of what has our finalizer", "", patch("former", released)},
		{"leave a mirror behind", "", append(patch("db", letGo(true)), "--dry-run=server")},
		{"delete a mirror", "", []string{"-n", target, "delete", "secret", "db"}},
		{"end the controller", "", []string{"-n", system, "delete", "deployment", "kubemirror", "--dry-run=server"}},
	} {
		must(t, row.what, run(t, row.stdin, "kubectl", append([]string{config}, row.args...)...))
	}
}
