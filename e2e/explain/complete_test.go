package explain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestTheShellCompletesTypesSourcesAndNamespaces(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("platform")
	source(env, "completed", `kubemirror.raczylo.com/paused: "true"`)
	u := admin(t, env)
	u.flags = nil
	for _, row := range []struct{ typed, offered string }{
		{"why sec", "secrets/"},
		{"status secrets/", "secrets/completed"},
		{"plan secret/", "secret/completed"},
		{"why secret/completed --in PREFIX-", "PREFIX-platform"},
		{"status -o ", "wide"},
	} {
		command, rest, _ := strings.Cut(row.typed, " ")
		args := append([]string{"__complete", command, "--kubeconfig=" + u.config, "-n", "PREFIX-platform"}, strings.Split(rest, " ")...)
		got := u.run(args...)
		if offered := strings.Split(got.out, "\n"); got.code != 0 || !slices.Contains(offered, row.offered) {
			t.Errorf("kubectl mirror %s: %s\nwant %q among them", row.typed, got, row.offered)
		}
	}
}

func TestPlanReadsAKustomization(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("platform")
	env.Namespace("a")
	u := admin(t, env)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kustomization.yaml": "resources: [source.yaml, other.yaml]\nnamePrefix: x-\n",
		"source.yaml":        strings.ReplaceAll(after, "PREFIX", env.Prefix()),
		"other.yaml":         "{apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: " + env.Name("platform") + "}}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u.expect(1, "plan -k "+dir, `
Secret PREFIX-platform/x-planned
NAMESPACE  NAME  ACTION  WHY
PREFIX-a  x-planned  create  "PREFIX-*" matches it
1 namespace: 1 create
`, "")
}
