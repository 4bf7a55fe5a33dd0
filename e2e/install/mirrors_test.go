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

// asMirror is an object of a kind with a mirror's label that says which object it is,
// or says nothing where that is empty.
func asMirror(kind, namespace, name, id, rest string) string {
	if id != "" {
		id = domain + "mirror-id: " + id + ", "
	}
	return fmt.Sprintf(`
---
apiVersion: v1
kind: %s
metadata:
  namespace: %s
  name: %s
  labels: {kubemirror.raczylo.com/mirror: "true", kubemirror.raczylo.com/managed-by: kubemirror}
  annotations: {%skubemirror.raczylo.com/source-namespace: PREFIX-src, kubemirror.raczylo.com/source-name: %s, kubemirror.raczylo.com/source-uid: u}
%s`, kind, namespace, name, id, name, rest)
}

// protected waits until the policy on mirrors holds.
func protected(t *testing.T, env *kit.Env, namespace, mirror string) {
	t.Helper()
	env.Eventually("the policy on mirrors holds", func(context.Context) error {
		got := run(t, "", "kubectl", "--kubeconfig="+admin(t, env), "-n", namespace, "delete", "secret", mirror, "--dry-run=server")
		if got.code == 0 {
			return fmt.Errorf("it does not: %s", got)
		}
		return nil
	})
}

func TestWithThePolicyOnMirrorsNobodyElseChangesThem(t *testing.T) {
	env := kit.New(t)
	system, a := "system-"+env.Prefix(), env.Namespace("a")
	env.Namespace("src")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	restorer := env.Name("restorer")
	refusesForgeries(t, env, false) // not the policy of another test
	env.Apply(asMirror("Secret", a, "db", "secrets/"+a+"/db", "") +
		asMirror("Service", a, "web", "services/"+a+"/web", "spec: {type: LoadBalancer, ports: [{port: 80}]}"))
	release(t, env, system, "--set=policies.mirrors.enabled=true", "--set=policies.trustedUsers={"+restorer+"}", "--set=policies.sources.enabled=false,policies.forgeries.enabled=false")
	protected(t, env, a, "db")

	change, remove, create := "only KubeMirror changes mirrors; change the source PREFIX-src/db instead", "only KubeMirror deletes mirrors; change the targets of the source PREFIX-src/db", "only KubeMirror makes mirrors"
	fake := asMirror("Secret", "PREFIX-a", "fake", "secrets/PREFIX-a/fake", "")
	t.Log("one who may do everything, by RBAC")
	do(t, env, "kubemirror-mirrors", admin(t, env), []deed{
		{"change the content", "", "", `patch -n PREFIX-a secret db --type=merge -p {"data":{"k":"eA=="}}`, change},
		{"by server-side apply", "", "apiVersion: v1\nkind: Secret\nmetadata: {namespace: PREFIX-a, name: db}\nstringData: {k: x}", "apply --namespace=PREFIX-a --server-side --force-conflicts -f-", change},
		{"label it", "", "", "label -n PREFIX-a secret db a=b", change},
		{"annotate it", "", "", "annotate -n PREFIX-a secret db a=b", change},
		{"take the label off", "", "", "label -n PREFIX-a secret db kubemirror.raczylo.com/mirror-", change},
		{"make it a source", "", "", "label -n PREFIX-a secret db kubemirror.raczylo.com/enabled=true", change},
		{"take away what says which object it is", "", "", "annotate -n PREFIX-a secret db kubemirror.raczylo.com/mirror-id-", change},
		{"say that it is another object", "", "", "annotate --overwrite -n PREFIX-a secret db kubemirror.raczylo.com/mirror-id=secrets/PREFIX-a/other", change},
		{"have it owned, and collected", "", "", `patch -n PREFIX-a secret db --type=merge -p {"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":"x"}]}}`, change},
		{"annotate it through its status", "", "", `patch -n PREFIX-a service web --subresource=status --type=merge -p {"metadata":{"annotations":{"a":"b"}}}`, "change the source PREFIX-src/web"},
		{"delete it", "", "", "delete -n PREFIX-a secret db", remove},
		{"delete all", "", "", "delete --raw=/api/v1/namespaces/PREFIX-a/secrets", remove},
		{"make one", "", fake, "create --namespace=PREFIX-a -f-", create},
		{"write its status", "", "", `patch -n PREFIX-a service web --subresource=status --type=merge -p {"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`, ""},
		{"hold it for another controller", "", "", `patch -n PREFIX-a service web --type=merge -p {"metadata":{"finalizers":["example.com/balancer"]}}`, ""},
		{"and let it go", "", "", `patch -n PREFIX-a service web --type=merge -p {"metadata":{"finalizers":null}}`, ""},
	})
	t.Log("what carries the label and is no mirror is everybody's")
	do(t, env, "kubemirror-mirrors", admin(t, env), []deed{
		{"make a child with copied labels and annotations", "", asMirror("Secret", "PREFIX-a", "child", "configmaps/PREFIX-a/parent", ""), "create --namespace=PREFIX-a -f-", ""},
		{"change it", "", "", `patch -n PREFIX-a secret child --type=merge -p {"data":{"k":"eA=="}}`, ""},
		{"make one with copied labels", "", asMirror("Secret", "PREFIX-a", "own", "", ""), "create --namespace=PREFIX-a -f-", ""},
		{"change that", "", "", "label -n PREFIX-a secret own a=b", ""},
		{"have it say that it is a mirror", "", "", "annotate -n PREFIX-a secret own kubemirror.raczylo.com/mirror-id=secrets/PREFIX-a/own", "only KubeMirror changes mirrors"},
		{"have the child say so", "", "", "annotate --overwrite -n PREFIX-a secret child kubemirror.raczylo.com/mirror-id=secrets/PREFIX-a/child", "only KubeMirror changes mirrors"},
		{"say so first", "{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-a, name: slow, annotations: {kubemirror.raczylo.com/mirror-id: secrets/PREFIX-a/slow}}}", "",
			"label -n PREFIX-a secret slow kubemirror.raczylo.com/mirror=true", "only KubeMirror changes mirrors"},
		{"apply an export in another namespace", "", asMirror("Secret", "PREFIX-src", "db", "secrets/PREFIX-a/db", ""), "create -f-", ""},
		{"make a source of an export", "", strings.Replace(asMirror("Secret", "PREFIX-a", "again", "secrets/PREFIX-a/again", ""), "labels: {", "labels: {kubemirror.raczylo.com/enabled: 'true', ", 1), "create --namespace=PREFIX-a -f-", ""},
		{"change its content", "", "", `patch -n PREFIX-a secret again --type=merge -p {"data":{"k":"eA=="}}`, ""},
		{"delete the children", "", "", "delete -n PREFIX-a secret child own again", ""},
	})
	env.Apply(editors)
	grant(env, restorer, env.Name("editor"), a)
	do(t, env, "kubemirror-mirrors", kubeconfig(t, env, restorer), []deed{{"a trusted account makes one", "", fake, "create --namespace=PREFIX-a -f-", ""}})
}

func TestUnderThePolicyOnMirrorsKubeMirrorItselfGoesOn(t *testing.T) {
	env := kit.New(t)
	system, src := "system-"+env.Prefix(), env.Namespace("src")
	a, b := env.Namespace("a"), env.Namespace("b")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--set=policies.mirrors.enabled=true",
		"--set=controller.includedNamespaces="+env.Prefix()+"-*", "--set=controller.sourceNamespaces="+env.Prefix()+"-*")
	start(t, env, system)
	source := kit.Object("Secret", src, "db")
	env.Apply(asking("db", "target-namespaces="+a+","+b))
	env.WaitFor(source.In(a), "is there", kit.Exists)
	env.WaitFor(source.In(b), "is there", kit.Exists)
	protected(t, env, a, "db")
	env.Patch(source, `{"data":{"k":"eA=="}}`)
	env.WaitFor(source.In(a), "follows", func(o *unstructured.Unstructured) error {
		if !strings.Contains(fmt.Sprint(o.Object["data"]), "eA==") {
			return fmt.Errorf("it has other content")
		}
		return nil
	})
	t.Log("namespaces go with what is in them")
	env.Delete(kit.Object("Namespace", "", b))
	env.Within(time.Minute).WaitGone(kit.Object("Namespace", "", b))
	env.Delete(source)
	env.WaitGone(source.In(a))
}

func TestPoliciesAreInstalledWhereTheServerHasThemAndTheyAreAskedFor(t *testing.T) {
	for flags, want := range map[string]string{
		"":                                    "kubemirror-forgeries kubemirror-leash kubemirror-namespaces kubemirror-sources kubemirror-warnings",
		"--kube-version=1.30.0":               "kubemirror-forgeries kubemirror-leash kubemirror-namespaces kubemirror-sources kubemirror-warnings",
		"--kube-version=1.29.9":               "",
		"--set=policies.mirrors.enabled=true": "kubemirror-forgeries kubemirror-leash kubemirror-mirrors kubemirror-namespaces kubemirror-sources kubemirror-warnings",
		"--set=controller.resourceTypes={Secret.v1,Role.v1.rbac.authorization.k8s.io}":                                                "kubemirror-forgeries kubemirror-leash kubemirror-namespaces kubemirror-roles kubemirror-sources kubemirror-warnings",
		"--set=policies.mirrors.enabled=true --kube-version=1.29.9":                                                                   "",
		"--set=policies.sources.enabled=false,policies.namespaces.enabled=false,policies.forgeries.enabled=false,leash.enabled=false": "",
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
