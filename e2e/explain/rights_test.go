package explain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// grant binds one of the cluster's roles to a user, in one namespace.
func grant(env *kit.Env, name, role, namespace string) {
	env.Apply(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {namespace: PREFIX-%s, name: %s-%[3]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[3]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[4]q}]
`, namespace, name, role, env.Name(name)))
}

// A tenant with the role edit in one namespace may see nothing of the cluster.
func TestATenantLearnsWhatHisRightsLetHimAndWhomToAsk(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("platform")
	env.Namespace("team")
	grant(env, "ann", "edit", "team")
	shared := source(env, "shared", `kubemirror.raczylo.com/target-namespaces: "PREFIX-team"`)
	env.Start("--resource-types=Secret.v1")
	synced(env, shared, "1/1")
	ann := somebody(t, env, "ann")

	ann.expect(2, "why secret/missed -n PREFIX-team", `
Secret missed in PREFIX-team: it can't be told without the right to read sources; this can:
ok    type           Secret.v1 is mirrored
?     source         you may not list secrets elsewhere
ok    namespace      PREFIX-team is there
ok    allow-mirrors  the namespace takes mirrors
ok    allow-from     of sources in all namespaces
ok    place          nothing else has the name, that you may see
ok    controller     by the flags of --controller-flags
do:   ask whoever keeps it in its own namespace to run: kubectl mirror why secrets/missed -n NAMESPACE --in PREFIX-team
`, "")
	ann.expect(2, "why secret/shared -n PREFIX-team", `
Secret PREFIX-team/shared is the mirror of PREFIX-platform/shared, written last TIME
You may not read its source, so whether it is in sync can't be told.
do:   ask whoever keeps it in its own namespace to run: kubectl mirror why secrets/shared -n PREFIX-platform --in PREFIX-team
`, "")
	ann.expect(2, "why secret/shared -n PREFIX-platform --in PREFIX-team", "", "error: you may not read secrets PREFIX-platform/shared: ask for the right to, or who has it")
	ann.expect(2, "status -n PREFIX-team", "", "error: you may not list namespaces, which it takes to know all targets; ask about one of them: kubectl mirror why TYPE/NAME --in=NAMESPACE")
	ann.flags = nil
	ann.expect(2, "status -n PREFIX-team", "", "error: you may not read the controller's Deployment; name it with --controller=NAMESPACE/NAME, or tell its flags with --controller-flags='--max-targets=100 …', or '' for the defaults")
}

// Each mistake is told in one line, with what to do, and nothing is printed before it.
func TestAMistakeIsToldInOneLineAndNothingIsHalfPrinted(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("a")
	u := admin(t, env)
	none := filepath.Join(t.TempDir(), "none.yaml")
	if err := os.WriteFile(none, []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"why nothing/x":               `error: the API server has no type "nothing"; kubectl api-resources lists them`,
		"why secret":                  `error: "secret" names no object; write TYPE/NAME, as secret/registry`,
		"why secret/x --in PREFIX-a":  `error: there is no secrets default/x`,
		"why":                         `error: accepts 1 arg(s), received 0`,
		"wait secret/x -n PREFIX-a":   `error: there is no source secrets/x in PREFIX-a; kubectl mirror why secrets/x says why it is none`,
		"status pods":                 `error: there are no sources of that type: Pod.v1 is never mirrored: a copy would run as a second workload that no controller owns`,
		"status -o xml":               `error: "xml" is no value for --output: it takes table, wide, json, yaml, name; see kubectl mirror status --help`,
		"status -w -o json":           `error: --watch prints a table: --output=json can't be had with it; see kubectl mirror status --help`,
		"plan":                        `error: give one of --filename, --kustomize and TYPE/NAME; see kubectl mirror plan --help`,
		"plan secret/x -n PREFIX-a":   `error: there is no secrets PREFIX-a/x`,
		"plan -n PREFIX-a -f " + none: `error: none of the 2 objects is a source: a source has the label kubemirror.raczylo.com/enabled and the annotation kubemirror.raczylo.com/sync`,
		"plan --namespaces " + none + " -f " + none: `error: there is no Namespace in ` + none + `; make it with kubectl get namespaces -o yaml`,
		"frobnicate": `error: unknown command "frobnicate" for "kubectl mirror"`,
		"status --controller-flags=--max-targets=x": `error: the flags of --controller-flags can't be read: invalid argument "x" for "--max-targets" flag: it takes a whole number from 1 up; give those that say what is mirrored, such as --max-targets=50`,
		"status --controller-flags=--max-target=5":  `error: the flags of --controller-flags can't be read: unknown flag: --max-target; give those that say what is mirrored, such as --max-targets=50`,
		"status --controller=a":                     `error: can't read the controller's Deployment: "a" is no NAMESPACE/NAME`,
		"status --controller=PREFIX-a/none":         `error: there is no Deployment PREFIX-a/none; see kubectl get deployments -A -l app.kubernetes.io/name=kubemirror, or tell its flags with --controller-flags='--max-targets=100 …', or '' for the defaults`,
		"status --context=none":                     `error: the kubeconfig can't be used: context "none" does not exist; check it with kubectl config view`,
		"status --server=https://127.0.0.1:1":       "",
	} {
		who := u
		if strings.Contains(args, "--controller") {
			who.flags = nil
		}
		got := who.mirror(strings.Fields(args)...)
		if want == "" {
			want = "error: can't ask what the API server serves: the API server at https://127.0.0.1:1 doesn't answer: dial tcp 127.0.0.1:1: connect: connection refused; check it with kubectl get --raw /readyz"
		}
		if got.code != 2 || got.out != "" || got.errors != want+"\n" {
			t.Errorf("%s: %s\nwant %s", args, got, want)
		}
	}
}
