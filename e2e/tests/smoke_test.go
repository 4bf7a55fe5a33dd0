package tests

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestASecretIsMirroredChangedAndRemoved(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("src")
	env.Namespace("a")
	env.Namespace("b")
	km := env.Start("-v=4", "--resource-types=Secret.v1,ConfigMap.v1")
	env.Apply(`
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: PREFIX-src
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: "PREFIX-*"
stringData: {password: one}
`)
	a := kit.Object("Secret", env.Name("a"), "db")
	b := kit.Object("Secret", env.Name("b"), "db")
	env.WaitFor(a, "is there", kit.Exists)
	env.WaitFor(b, "is there", kit.Exists)
	t.Log(env.Get(a))
	env.Delete(a)
	env.WaitFor(a, "is back", kit.Exists)
	src := kit.Object("Secret", env.Name("src"), "db")
	km.WaitQuiet(2e9)
	t.Log(env.Get(src))
	env.Delete(src)
	env.WaitGone(src)
	env.WaitGone(a)
	env.WaitGone(b)
	if code := km.Stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	t.Log(km.Log())
}
