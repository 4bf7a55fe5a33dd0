package install

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const (
	onlyMakes = "only KubeMirror makes mirrors; leave out the label kubemirror.raczylo.com/mirror"
	onlySays  = "only KubeMirror says whose mirror it is"
)

// forged are the deeds of one who may write anything in his own namespace, where a mirror
// "db" is, and a child "child" that has its labels.
var forged = []deed{
	{"make a mirror", "", asMirror("Secret", "PREFIX-a", "fake", "secrets/PREFIX-a/fake", ""), "create --namespace=PREFIX-a -f-", onlyMakes},
	{"make what names no source", "", "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: fat, labels: {kubemirror.raczylo.com/mirror: 'true'}}}", "create --namespace=PREFIX-a -f-", onlyMakes},
	{"make one by server-side apply", "", asMirror("Secret", "PREFIX-a", "fake", "secrets/PREFIX-a/fake", ""), "apply --namespace=PREFIX-a --server-side -f-", onlyMakes},
	{"make one of a kind of a definition", "", strings.Replace(asMirror("Widget", "PREFIX-a", "fake", "", ""), "apiVersion: v1", "apiVersion: PREFIX.example.com/v1", 1), "create --namespace=PREFIX-a -f-", onlyMakes},
	{"make the label of what is there", "{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-a, name: slow, annotations: {kubemirror.raczylo.com/mirror-id: secrets/PREFIX-a/slow}}}", "",
		"label -n PREFIX-a secret slow kubemirror.raczylo.com/mirror=true", onlyMakes},
	{"make it through the status", "{apiVersion: v1, kind: Service, metadata: {namespace: PREFIX-a, name: web}, spec: {ports: [{port: 80}]}}", "",
		`patch -n PREFIX-a service web --subresource=status --type=merge -p {"metadata":{"labels":{"kubemirror.raczylo.com/mirror":"true"}}}`, onlyMakes},
	{"say that a mirror is another's", "", "", "annotate --overwrite -n PREFIX-a secret db kubemirror.raczylo.com/source-name=other", onlySays},
	{"say that it is of another namespace", "", "", "annotate --overwrite -n PREFIX-a secret db kubemirror.raczylo.com/source-namespace=other", onlySays},
	{"say that it is another object", "", "", "annotate --overwrite -n PREFIX-a secret db kubemirror.raczylo.com/mirror-id=secrets/PREFIX-a/other", onlySays},
	{"say that it is of another kind's", "", "", "annotate -n PREFIX-a secret db kubemirror.raczylo.com/source-type=configmaps", onlySays},
	{"say that it was asked for elsewhere", "", "", "annotate -n PREFIX-a secret db kubemirror.raczylo.com/source-origin=secrets/other/db", onlySays},
	{"take away what says whose it is", "", "", "annotate -n PREFIX-a secret db kubemirror.raczylo.com/source-uid-", onlySays},
	{"have a child say that it is a mirror", "", "", "annotate --overwrite -n PREFIX-a secret child kubemirror.raczylo.com/mirror-id=secrets/PREFIX-a/child", onlySays},

	{"change the content of a mirror, which is put right", "", "", `patch -n PREFIX-a secret db --type=merge -p {"data":{"k":"eA=="}}`, ""},
	{"label and annotate it", "", "", `patch -n PREFIX-a secret db --type=merge -p {"metadata":{"labels":{"a":"b"},"annotations":{"a":"b"},"finalizers":["example.com/mine"]}}`, ""},
	{"let it go", "", "", `patch -n PREFIX-a secret db --type=merge -p {"metadata":{"finalizers":null}}`, ""},
	{"change the child", "", "", `patch -n PREFIX-a secret child --type=merge -p {"data":{"k":"eA=="}}`, ""},
	{"restore a source with what is left of the mirror that it was", "", strings.Replace(asMirror("Secret", "PREFIX-a", "again", "secrets/PREFIX-a/again", ""), "labels: {", "labels: {kubemirror.raczylo.com/enabled: 'true', ", 1), "create --namespace=PREFIX-a -f-", ""},
	{"have a mirror of a source that is off", "", "", "label -n PREFIX-a secret again kubemirror.raczylo.com/enabled-", onlyMakes},
	{"turn it off, and take both labels", "", "", "label -n PREFIX-a secret again kubemirror.raczylo.com/enabled- kubemirror.raczylo.com/mirror-", ""},
	{"have a mirror for himself", "", "", "label -n PREFIX-a secret child kubemirror.raczylo.com/mirror-", ""},
	{"say that it is another's then", "", "", "annotate --overwrite -n PREFIX-a secret child kubemirror.raczylo.com/source-name=other", ""},
	{"delete a mirror, which comes back", "", "", "delete -n PREFIX-a secret db", ""},
	{"make what is none", "", "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: fat, labels: {kubemirror.raczylo.com/mirror: 'false'}}}", "create --namespace=PREFIX-a -f-", ""},
}

// refusesForgeries waits until the policy does, or does not, a moment after it is made or
// deleted.
func refusesForgeries(t *testing.T, env *kit.Env, want bool) {
	t.Helper()
	probe := strings.ReplaceAll(asMirror("Secret", "default", env.Name("probe"), "secrets/default/"+env.Name("probe"), ""), "PREFIX", env.Prefix())
	env.Eventually(fmt.Sprintf("the policy on forgeries holds: %v", want), func(context.Context) error {
		got := run(t, probe, "kubectl", "--kubeconfig="+admin(t, env), "create", "--dry-run=server", "-f-")
		if held := strings.Contains(got.errors, "kubemirror-forgeries"); held != want || !held && got.code != 0 {
			return fmt.Errorf("not yet: %s", got)
		}
		return nil
	})
}

func TestNobodyButKubeMirrorMakesWhatPassesForAMirror(t *testing.T) {
	env := kit.New(t)
	system, a := "system-"+env.Prefix(), env.Namespace("a")
	env.Namespace("src")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	env.Apply(editors)
	env.Apply(widgets)
	refusesForgeries(t, env, false) // not the policy of another test
	env.Apply(asMirror("Secret", a, "db", "secrets/"+a+"/db", "") + asMirror("Secret", a, "child", "configmaps/"+a+"/parent", ""))
	ann, restorer, argo := env.Name("ann"), env.Name("restorer"), env.Name("argo")
	for _, user := range []string{ann, restorer, argo} {
		grant(env, user, env.Name("editor"), a)
	}
	release(t, env, system, "--set=policies.trustedUsers={"+restorer+"}", "--set=policies.trustedGroups={"+env.Name("gitops")+"}")
	refusesForgeries(t, env, true)
	t.Log("one who may write anything in his namespace")
	do(t, env, "kubemirror-forgeries", kubeconfig(t, env, ann), forged)
	t.Log("trusted accounts, who restore from backups and from Git")
	restored := asMirror("Secret", a, "restored", "secrets/"+a+"/restored", "")
	do(t, env, "kubemirror-forgeries", kubeconfig(t, env, restorer), []deed{{"restore one", "", restored, "create --namespace=PREFIX-a -f-", ""},
		{"say that it is another's", "", "", "annotate --overwrite -n PREFIX-a secret restored kubemirror.raczylo.com/source-name=other", ""}})
	do(t, env, "kubemirror-forgeries", kubeconfig(t, env, argo, env.Name("gitops")), []deed{{"apply one", "", strings.ReplaceAll(restored, "restored", "applied"), "apply --namespace=PREFIX-a -f-", ""}})
	t.Log("Kubernetes' own controllers are in nobody's way")
	env.Delete(kit.Object("Namespace", "", a))
	env.WaitGone(kit.Object("Namespace", "", a))
}
