package install

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const policyBinding = "ValidatingAdmissionPolicyBinding.v1.admissionregistration.k8s.io"

// attempt is what a thief of the controller's token tries, as kubectl arguments
// and its input.
type attempt struct {
	what, stdin string
	args        []string
}

func TestAThiefOfTheTokenCanWriteMirrorsAndNothingElse(t *testing.T) {
	env := kit.New(t)
	system, src, target := "system-"+env.Prefix(), env.Namespace("src"), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	env.Apply(source("v1", "Secret", src, "db"))
	env.Apply("{apiVersion: v1, kind: Secret, metadata: {namespace: " + target + ", name: theirs, labels: {a: b}}}")
	env.Apply("{apiVersion: v1, kind: Pod, metadata: {namespace: " + target + ", name: theirs}, spec: {containers: [{name: c, image: c}]}}")
	env.Apply("{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: " + target + ", name: rich}}")
	env.Apply(source("v1", "ConfigMap", src, "large") + "data: {" + manyKeys(4000) + "}\n") // an expression has a budget
	km := start(t, env, system)
	env.WaitFor(kit.Object("Secret", src, "db"), "is synced", synced)
	env.WaitFor(kit.Object("ConfigMap", src, "large"), "is synced", synced)
	km.Stop()
	config := "--kubeconfig=" + account(t, env, system, "kubemirror")

	mirrorOf := func(apiVersion, kind, rest string) string {
		return "{apiVersion: " + apiVersion + ", kind: " + kind + ", metadata: {namespace: " + target +
			`, name: loot, labels: {kubemirror.raczylo.com/mirror: "true"}}` + rest + "}"
	}
	create := []string{"create", "-f-"}
	patch := func(name, body string) []string {
		return []string{"-n", target, "patch", "secret", name, "--type=merge", "-p", body}
	}
	// The policy takes effect a moment after it is made.
	env.Eventually("the leash holds", func(context.Context) error {
		return refused(run(t, "", "kubectl", append([]string{config}, append(patch("theirs", `{"data":{"probe":"eA=="}}`), "--dry-run=server")...)...))
	})
	for _, row := range []attempt{
		{"change the content of somebody's Secret", "", patch("theirs", `{"data":{"password":"eA=="}}`)},
		{"make it a mirror", "", patch("theirs", `{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":"true"}}}`)},
		{"label it", "", patch("theirs", `{"metadata":{"labels":{"a":null}}}`)},
		{"annotate it", "", patch("theirs", `{"metadata":{"annotations":{"a":"b"}}}`)},
		{"have it owned, and collected", "", patch("theirs", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":"x"}]}}`)},
		{"hold it up", "", patch("theirs", `{"metadata":{"finalizers":["example.com/mine"]}}`)},
		{"delete it", "", []string{"-n", target, "delete", "secret", "theirs"}},
		{"take the label off a mirror", "", patch("db", `{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":null}}}`)},
		{"create what is no mirror", "{apiVersion: v1, kind: Secret, metadata: {namespace: " + target + ", name: loot}}", create},
		{"run a Pod", mirrorOf("v1", "Pod", ", spec: {containers: [{name: c, image: c}]}"), create},
		{"have a token made", strings.Replace(mirrorOf("v1", "Secret", ", type: kubernetes.io/service-account-token"),
			"labels:", "annotations: {kubernetes.io/service-account.name: rich}, labels:", 1), create},
		{"ask for a token", "", []string{"-n", target, "create", "token", "rich"}},
		{"run a program in a Pod", "", []string{"create", "--raw=/api/v1/namespaces/" + target + "/pods/theirs/exec?command=id", "-f-"}},
		{"run a Job", mirrorOf("batch/v1", "Job", ", spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: c}]}}}"), create},
		{"create a namespace", `{apiVersion: v1, kind: Namespace, metadata: {name: loot, labels: {kubemirror.raczylo.com/mirror: "true"}}}`, create},
		{"delete a namespace", "", []string{"delete", "namespace", target, "--wait=false"}},
		{"let a namespace be privileged", "", []string{"label", "namespace", target, "pod-security.kubernetes.io/enforce=privileged"}},
		{"scale a Deployment", "", []string{"-n", system, "scale", "deployment", "kubemirror", "--replicas=0"}},
		{"take a lease of somebody else", "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: kube-system, name: loot}}", create},
	} {
		if err := refused(run(t, "---\n"+row.stdin, "kubectl", append([]string{config}, row.args...)...)); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
	}
	must(t, "change a mirror", run(t, "", "kubectl", append([]string{config}, patch("db", `{"data":{"key":"eA=="}}`)...)...))
	must(t, "delete a mirror", run(t, "", "kubectl", config, "-n", target, "delete", "secret", "db"))

	t.Log("what the README says the leash can't do")
	must(t, "take the leash off", run(t, "", "kubectl", config, "delete", "validatingadmissionpolicybinding", "kubemirror-leash", "--dry-run=server"))
	must(t, "name the types", helm(t, "upgrade", "kubemirror", path(t, "charts", "kubemirror"), "--namespace="+system,
		"--kubeconfig="+admin(t, env), "--set=controller.resourceTypes={Secret.v1}"))
	got := run(t, "", "kubectl", config, "delete", "validatingadmissionpolicybinding", "kubemirror-leash", "--dry-run=server")
	if got.code == 0 || !strings.Contains(got.errors, "forbidden") {
		t.Errorf("with named types, the thief takes the leash off: %s", got)
	}
	if env.Find(kit.Object(policyBinding, "", "kubemirror-leash")) == nil {
		t.Error("the leash is gone")
	}
}

// manyKeys is the content of a large ConfigMap.
func manyKeys(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "key-%d: %q,", i, strings.Repeat("x", 100))
	}
	return strings.TrimSuffix(text.String(), ",")
}

// refused is nil for a command that the leash has ended.
func refused(o outcome) error {
	if o.code == 0 || !strings.Contains(o.errors, "kubemirror-leash") {
		return notRefused{o}
	}
	return nil
}

type notRefused struct{ outcome }

func (n notRefused) Error() string { return "the leash does not refuse it: " + n.String() }
