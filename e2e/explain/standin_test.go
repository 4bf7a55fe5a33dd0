package explain

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// A stand-in and a request are explained from whichever side somebody looks: theirs, that of
// the mirror, and that of who misses it.
func TestStandInsAndRequestsAreExplainedFromEverySide(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	for _, name := range []string{"platform", "team", "late"} {
		env.Namespace(name)
	}
	asks := func(namespace, name, annotations string) kit.Ref {
		env.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-" + namespace + ", name: " + name + ", labels: {kubemirror.raczylo.com/enabled: \"true\"}, " +
			"annotations: {kubemirror.raczylo.com/sync: \"true\", " + annotations + "}}}")
		return kit.Object("ConfigMap.v1", env.Name(namespace), name)
	}
	standIn := asks("platform", "share", `kubemirror.raczylo.com/mirror-of: secrets/db, kubemirror.raczylo.com/allow-to: PREFIX-late, kubemirror.raczylo.com/target-namespaces: PREFIX-team`)
	request := asks("late", "wants", `kubemirror.raczylo.com/mirror-of: secrets/PREFIX-platform/db`)
	u := admin(t, env)
	says := func(what string, words ...string) {
		t.Helper()
		got := u.mirror(strings.Fields(what)...)
		for _, word := range words {
			if !strings.Contains(even(got.out), even(word)) {
				t.Errorf("kubectl mirror %s lacks %q: %s", what, word, got)
			}
		}
	}

	t.Log("there is nothing yet")
	says("why configmap/share -n PREFIX-platform --in PREFIX-team", "ConfigMap PREFIX-platform/share -> PREFIX-team: no mirror", `NO    readable       there is no secrets "db" in this namespace`)
	says("why configmap/wants -n PREFIX-late", "nothing is handed out to this namespace as secrets/PREFIX-platform/db")
	says("why secret/db -n PREFIX-team", "ConfigMap PREFIX-platform/share -> PREFIX-team: no mirror")

	t.Log("it is there, and no controller runs")
	env.Apply("{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-platform, name: db}, stringData: {password: hunter2}}")
	says("why configmap/share -n PREFIX-platform --in PREFIX-team", "the controller is about to create it")
	says("why secret/db -n PREFIX-late", "ConfigMap PREFIX-late/wants -> PREFIX-late", "it is the namespace that asks", "the controller is about to create it")
	says("status -n PREFIX-platform", "share")

	t.Log("the controller has made both")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	synced(env, standIn, "1/1")
	synced(env, request, "1/1")
	says("why secret/db -n PREFIX-team", "ConfigMap PREFIX-platform/share -> PREFIX-team", "in sync since")
	says("why secret/db -n PREFIX-late", "ConfigMap PREFIX-late/wants -> PREFIX-late", "in sync since")
}
