package migrate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

const forgery = `
apiVersion: v1
kind: ConfigMap
metadata: {namespace: PREFIX-src, name: forged, labels: {kubemirror.raczylo.com/mirror: "true"}}
`

// The policy holds for the whole cluster, so no other test is to run beside this one.
func TestWhereThePolicyOnForgeriesIsNothingIsWrittenAndItIsSaidWhatToDo(t *testing.T) {
	w := newWorld(t)
	src, a := w.Namespace("src"), w.Namespace("a")
	w.Apply(strings.ReplaceAll(`
apiVersion: v1
kind: ConfigMap
metadata: {namespace: PREFIX-src, name: settings, annotations: {KEYreplicate-to: PREFIX-a}}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: PREFIX-a, name: settings, annotations: {KEYreplicated-at: "2026-11-28T12:00:00Z", KEYreplicated-from-version: "1", KEYreplicated-keys: a}}
data: {a: b}
`, "KEY", "replicator.v1.mittwald.de/"))
	root, err := repo.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	policy, err := os.ReadFile(filepath.Join(root, "manifests", "forgeries.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.Apply(string(policy))
	holds := func(want bool) {
		w.Eventually("the policy holds, or not", func(context.Context) error {
			if err := w.Trial(forgery); (err != nil) != want {
				return errors.Join(errors.New("not yet"), err)
			}
			return nil
		})
	}
	holds(true)
	source := kit.Object("ConfigMap", src, "settings")
	before := w.all([]kit.Ref{source, source.In(a)})
	w.say(w.migrate(2, "--from", "replicator", "--apply"), "nothing was written", "ConfigMap PREFIX-a/settings", "policies.trustedUsers")
	w.checkOthers([]kit.Ref{source, source.In(a)}, before)
	if files, _ := filepath.Glob(filepath.Join(w.dir, "*")); len(files) > 0 {
		t.Errorf("it left %v", files)
	}
	w.Delete(kit.Object("ValidatingAdmissionPolicyBinding.v1.admissionregistration.k8s.io", "", "kubemirror-forgeries"))
	holds(false)
}

func TestWhatCantBeToldIsOneLineAndTheStatusTwo(t *testing.T) {
	w := newWorld(t)
	for name, text := range map[string]string{"other.yaml": "a: b", "config": "{"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"":                              "--from: name the system to take over from: replicator, reflector",
		"--from puller":                 `--from: "puller" is none of replicator, reflector`,
		"--from replicator --undo x":    "--undo takes neither",
		"--undo nowhere.yaml":           "nowhere.yaml",
		"--undo other.yaml":             "other.yaml is no file that --apply wrote",
		"--from clustersecret":          "the API server doesn't serve clustersecrets.clustersecret.io",
		"--from replicator --as nobody": "you may not read the controller's Deployment",
		"--from replicator --as nobody --controller-flags=":                   "nobody",
		"--from replicator --server https://127.0.0.1:1 --request-timeout 3s": "127.0.0.1:1",
		"--from replicator --kubeconfig config":                               "config",
		"--from replicator -n default":                                        "so migrate takes them all",
		"--from replicator rest":                                              "rest",
		"--from replicator --aply":                                            "--aply",
	} {
		said := w.migrate(2, strings.Fields(args)...)
		if w.say(said, want); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "error: ") {
			t.Errorf("%q is told as:\n%s", args, said)
		}
	}
}
