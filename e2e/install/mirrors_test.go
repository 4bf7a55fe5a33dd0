package install

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestWithThePolicyOnMirrorsNobodyElseChangesThem(t *testing.T) {
	env := kit.New(t)
	system, src := "system-"+env.Prefix(), env.Namespace("src")
	a, b := env.Namespace("a"), env.Namespace("b")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	restorer := env.Name("restorer")
	release(t, env, system, "--set=policies.mirrors.enabled=true", "--set=policies.trustedUsers={"+restorer+"}",
		"--set=controller.includedNamespaces="+env.Prefix()+"-*", "--set=controller.sourceNamespaces="+env.Prefix()+"-*")
	start(t, env, system)
	inBoth := "target-namespaces=" + a + "," + b
	source, service := kit.Object("Secret", src, "db"), kit.Object("Service", src, "web")
	env.Apply(asking("db", inBoth))
	env.Apply(object("v1", "Service", "web", inBoth) + "spec: {type: LoadBalancer, ports: [{port: 80}]}")
	for _, r := range []kit.Ref{source, service} {
		env.WaitFor(r.In(a), "is there", kit.Exists)
		env.WaitFor(r.In(b), "is there", kit.Exists)
	}
	config := admin(t, env)
	env.Eventually("the policy holds", func(context.Context) error {
		got := run(t, "", "kubectl", "--kubeconfig="+config, "-n", a, "delete", "secret", "db", "--dry-run=server")
		if got.code == 0 {
			return fmt.Errorf("it does not: %s", got)
		}
		return nil
	})

	change, remove, create := "only KubeMirror changes mirrors; change the source PREFIX-src/db instead", "only KubeMirror deletes mirrors; change the targets of the source PREFIX-src/db", "only KubeMirror makes mirrors"
	fake := "apiVersion: v1\nkind: Secret\nmetadata: {namespace: PREFIX-a, name: fake, labels: {kubemirror.raczylo.com/mirror: 'true'}}"
	t.Log("one who may do everything, by RBAC")
	do(t, env, "kubemirror-mirrors", config, []deed{
		{"change the content", "", "", `patch -n PREFIX-a secret db --type=merge -p {"data":{"k":"eA=="}}`, change},
		{"by server-side apply", "", "apiVersion: v1\nkind: Secret\nmetadata: {namespace: PREFIX-a, name: db}\nstringData: {k: x}", "apply --namespace=PREFIX-a --server-side --force-conflicts -f-", change},
		{"label it", "", "", "label -n PREFIX-a secret db a=b", change},
		{"annotate it", "", "", "annotate -n PREFIX-a secret db a=b", change},
		{"take the label off", "", "", "label -n PREFIX-a secret db kubemirror.raczylo.com/mirror-", change},
		{"have it owned, and collected", "", "", `patch -n PREFIX-a secret db --type=merge -p {"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":"x"}]}}`, change},
		{"annotate it through its status", "", "", `patch -n PREFIX-a service web --subresource=status --type=merge -p {"metadata":{"annotations":{"a":"b"}}}`, "change the source PREFIX-src/web"},
		{"delete it", "", "", "delete -n PREFIX-a secret db", remove},
		{"delete all", "", "", "delete --raw=/api/v1/namespaces/PREFIX-a/secrets", remove},
		{"make one", "", fake, "create --namespace=PREFIX-a -f-", create},
		{"make one of what is none", "{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-a, name: own}}", "", "label -n PREFIX-a secret own kubemirror.raczylo.com/mirror=true", "only KubeMirror changes mirrors"},
		{"write its status", "", "", `patch -n PREFIX-a service web --subresource=status --type=merge -p {"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`, ""},
		{"hold it for another controller", "", "", `patch -n PREFIX-a service web --type=merge -p {"metadata":{"finalizers":["example.com/balancer"]}}`, ""},
		{"and let it go", "", "", `patch -n PREFIX-a service web --type=merge -p {"metadata":{"finalizers":null}}`, ""},
		{"change what is no mirror", "", "", "label -n PREFIX-a secret own a=b", ""},
	})
	env.Apply(editors)
	grant(env, restorer, env.Name("editor"), a)
	do(t, env, "kubemirror-mirrors", kubeconfig(t, env, restorer), []deed{{"a trusted account makes one", "", fake, "create --namespace=PREFIX-a -f-", ""}})

	t.Log("KubeMirror changes and deletes them, and namespaces go with what is in them")
	env.Patch(source, `{"data":{"k":"eA=="}}`)
	env.WaitFor(source.In(a), "follows", func(o *unstructured.Unstructured) error {
		if !strings.Contains(fmt.Sprint(o.Object["data"]), "eA==") {
			return fmt.Errorf("it has other content")
		}
		return nil
	})
	env.Delete(kit.Object("Namespace", "", b))
	env.Within(time.Minute).WaitGone(kit.Object("Namespace", "", b))
	env.Delete(source)
	env.WaitGone(source.In(a))
}

func TestPoliciesAreInstalledWhereTheServerHasThemAndTheyAreAskedFor(t *testing.T) {
	for flags, want := range map[string]string{
		"":                                    "kubemirror-leash kubemirror-sources",
		"--kube-version=1.30.0":               "kubemirror-leash kubemirror-sources",
		"--kube-version=1.29.9":               "",
		"--set=policies.mirrors.enabled=true": "kubemirror-leash kubemirror-mirrors kubemirror-sources",
		"--set=policies.mirrors.enabled=true --kube-version=1.29.9": "",
		"--set=policies.sources.enabled=false,leash.enabled=false":  "",
	} {
		names := map[string][]string{}
		for _, o := range render(t, strings.Fields(flags)...) {
			names[o.GetKind()] = append(names[o.GetKind()], o.GetName())
		}
		for _, kind := range []string{"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} {
			if got := strings.Join(names[kind], " "); got != want {
				t.Errorf("with the flags %q there is a %s %q, want %q", flags, kind, got, want)
			}
		}
	}
}
