package install

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// editors may write anything where the role is bound, creators only create.
const editors = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-editor}
rules: [{apiGroups: ["", apps, PREFIX.example.com], resources: ["*", "*/status", "*/scale"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-creator}
rules: [{apiGroups: ["", apps, PREFIX.example.com], resources: [secrets, services, deployments, widgets], verbs: [create]}]
`

// grant binds a role to a user in a namespace, or everywhere where that is empty.
func grant(env *kit.Env, user, role, namespace string) {
	kind, place := "ClusterRoleBinding", ""
	if namespace != "" {
		kind, place = "RoleBinding", "namespace: "+namespace+", "
	}
	env.Apply(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: %s
metadata: {%sname: %s-%s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[4]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[3]q}]
`, kind, place, user, role))
}

// deed is what somebody does by kubectl to an object that is there, if any; what
// the policy says to it is empty where it lets it pass.
type deed struct {
	what, before, stdin, args, refused string
}

// do does the deeds in turn, as the user of a kubeconfig. In all of the texts
// PREFIX stands for the test's prefix; blanks separate arguments, so that "_"
// stands for a blank in one.
func do(t *testing.T, env *kit.Env, policy, config string, deeds []deed) {
	t.Helper()
	here := func(text string) string { return strings.ReplaceAll(text, "PREFIX", env.Prefix()) }
	for _, d := range deeds {
		env.Apply(d.before)
		args := []string{"--kubeconfig=" + config, "--namespace=" + env.Name("src")}
		for arg := range strings.FieldsSeq(here(d.args)) {
			args = append(args, strings.ReplaceAll(arg, "_", " "))
		}
		got := run(t, here(d.stdin), "kubectl", args...)
		switch {
		case d.refused == "" && got.code != 0:
			t.Errorf("%s: it is not done: %s", d.what, got)
		case d.refused != "" && (got.code == 0 || !strings.Contains(got.errors, policy) || !strings.Contains(got.errors, here(d.refused))):
			t.Errorf("%s: it is not refused by %s with %q: %s", d.what, policy, here(d.refused), got)
		}
	}
}

// object is one in the namespace of sources, that asks for what the annotations
// say: each as key=value, less the domain.
func object(apiVersion, kind, name string, annotations ...string) string {
	var text strings.Builder
	for _, a := range annotations {
		key, value, _ := strings.Cut(a, "=")
		fmt.Fprintf(&text, "    %s%s: %q\n", domain, key, value)
	}
	return fmt.Sprintf(`
apiVersion: %s
kind: %s
metadata:
  namespace: PREFIX-src
  name: %s
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
%s`, apiVersion, kind, name, text.String())
}

func asking(name string, annotations ...string) string {
	return object("v1", "Secret", name, annotations...)
}

// policed installs the chart with the policy on sources and waits until it holds.
func policed(t *testing.T, env *kit.Env, flags ...string) {
	t.Helper()
	holds(t, env, false) // not the one of another test
	system := "system-" + env.Prefix()
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, append(flags, "--set=controller.includedNamespaces="+env.Prefix()+"-*")...)
	holds(t, env, true)
}

// holds waits until the policy on sources does, or does not, a moment after it is
// made or deleted.
func holds(t *testing.T, env *kit.Env, want bool) {
	t.Helper()
	probe := strings.ReplaceAll(asking("probe", "paused=perhaps"), "PREFIX", env.Prefix())
	env.Eventually(fmt.Sprintf("the policy on sources holds: %v", want), func(context.Context) error {
		got := run(t, probe, "kubectl", "--kubeconfig="+admin(t, env), "create", "--dry-run=server", "-f-")
		if held := strings.Contains(got.errors, "kubemirror-sources"); held != want || !held && got.code != 0 {
			return fmt.Errorf("not yet: %s", got)
		}
		return nil
	})
}

func TestNobodyMirrorsToWhereHeMayNotCreateTheKind(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Namespace("a")
	env.Namespace("b")
	env.Apply(editors)
	env.Apply(widgets)
	policed(t, env)
	ann, noone, boss := env.Name("ann"), env.Name("noone"), env.Name("boss")
	for _, user := range []string{ann, noone, boss} {
		grant(env, user, env.Name("editor"), env.Name("src"))
	}
	grant(env, ann, env.Name("creator"), env.Name("a"))
	grant(env, boss, env.Name("creator"), "")

	t.Log("one who may create in a")
	do(t, env, "kubemirror-sources", kubeconfig(t, env, ann), slices.Concat(creations, laters, subresources, unjudged))
	t.Log("one who may create nowhere else")
	do(t, env, "kubemirror-sources", kubeconfig(t, env, noone), []deed{
		{"ask for a", "", asking("n1", "target-namespaces=PREFIX-a"), "create -f-", `"PREFIX-noone" may not create secrets in the namespace "PREFIX-a"`},
		{"ask for nothing", "", asking("n2"), "create -f-", ""},
		{"ask for his own namespace, which is never a target", "", asking("n3", "target-namespaces=PREFIX-src"), "create -f-", ""},
	})
	t.Log("one who may create everywhere")
	do(t, env, "kubemirror-sources", kubeconfig(t, env, boss), []deed{
		{"ask for all", "", asking("w1", "target-namespaces=all"), "create -f-", ""},
		{"ask for a and b", "", asking("w2", "target-namespaces=PREFIX-a,PREFIX-b"), "create -f-", ""},
		{"ask by labels", "", asking("w3", "target-selector=team=a"), "create -f-", ""},
		{"ask for 40 namespaces", "", asking("w4", "target-namespaces="+strings.Repeat("PREFIX-a,", 40)), "create -f-", ""},
		{"ask for all with a kind that he may not create", "", object("v1", "ConfigMap", "w5", "target-namespaces=all"), "create -f-",
			`"PREFIX-boss" may not create configmaps in every namespace`},
	})
}

const (
	notInB        = `"PREFIX-ann" may not create secrets in the namespace "PREFIX-b", and so not have them mirrored there`
	notEverywhere = `"PREFIX-ann" may not create secrets in every namespace`
)

// creations are of one who may create in a, and not in b.
var creations = []deed{
	{"ask for a", "", asking("c1", "target-namespaces=PREFIX-a"), "create -f-", ""},
	{"ask for a, and the own namespace, which is never a target", "", asking("c2", "target-namespaces=PREFIX-a,PREFIX-src"), "create -f-", ""},
	{"ask with blanks and empty items", "", asking("c3", "target-namespaces= PREFIX-a , ,! PREFIX-b,"), "create -f-", ""},
	{"ask for b", "", asking("c4", "target-namespaces=PREFIX-b"), "create -f-", notInB},
	{"ask for b behind a blank", "", asking("c4", "target-namespaces=PREFIX-a ,\tPREFIX-b "), "create -f-", notInB},
	{"ask for b, and take it away for now", "", asking("c4", "target-namespaces=PREFIX-b,!PREFIX-b"), "create -f-", notInB},
	{"have the name made", "", strings.Replace(asking("x", "target-namespaces=PREFIX-b"), "name: x", "generateName: x-", 1), "create -f-", notInB},
	{"create by server-side apply", "", asking("c4", "target-namespaces=PREFIX-b"), "apply --server-side -f-", notInB},
	{"create by apply", "", asking("c4", "target-namespaces=PREFIX-b"), "apply -f-", notInB},
	{"create it paused", "", asking("c4", "target-namespaces=PREFIX-b", "paused=true"), "create -f-", notInB},
	{"ask for all", "", asking("c4", "target-namespaces=all"), "create -f-", notEverywhere},
	{"ask for all but b", "", asking("c4", "target-namespaces=all,!PREFIX-b"), "create -f-", notEverywhere},
	{"ask for all-labeled", "", asking("c4", "target-namespaces=PREFIX-a,all-labeled"), "create -f-", notEverywhere},
	{"ask by a star", "", asking("c4", "target-namespaces=PREFIX-a*"), "create -f-", notEverywhere},
	{"ask by a question mark", "", asking("c4", "target-namespaces=PREFIX-?"), "create -f-", notEverywhere},
	{"ask by labels", "", asking("c4", "target-selector= team=a "), "create -f-", notEverywhere},
	{"ask for a namespace that is not there yet", "", asking("c4", "target-namespaces=PREFIX-later"), "create -f-", `may not create secrets in the namespace "PREFIX-later"`},
	{"ask for b with a kind of a definition", "", object("PREFIX.example.com/v1", "Widget", "c4", "target-namespaces=PREFIX-b"), "create -f-",
		`may not create widgets.PREFIX.example.com in the namespace "PREFIX-b"`},
	{"ask for a with a kind that he may not create there", "", object("v1", "ConfigMap", "c4", "target-namespaces=PREFIX-a"), "create -f-",
		`may not create configmaps in the namespace "PREFIX-a"`},
	{"make what is no source yet", "", strings.Replace(asking("c5", "target-namespaces=PREFIX-b"), domain+"enabled", "example.com/enabled", 1), "create -f-", ""},
	{"make what is off", "", strings.Replace(asking("c6", "target-namespaces=PREFIX-b"), `sync: "true"`, `sync: "false"`, 1), "create -f-", ""},
	{"make what is excluded", "", asking("c7", "target-namespaces=PREFIX-b", "exclude=true"), "create -f-", ""},
}

// laters are updates by the same one, of what an administrator made, or he himself above.
var laters = []deed{
	{"annotate first, label later", "", "", "label secret c5 kubemirror.raczylo.com/enabled=true", notInB},
	{"turn it on later", "", "", "annotate --overwrite secret c6 kubemirror.raczylo.com/sync=true", notInB},
	{"take the exclusion from mirroring back", "", "", "annotate secret c7 kubemirror.raczylo.com/exclude-", notInB},
	{"say that it isn't excluded", "", "", "annotate --overwrite secret c7 kubemirror.raczylo.com/exclude=false", notInB},
	{"label first, annotate later", "{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-src, name: u1, labels: {kubemirror.raczylo.com/enabled: 'true'}}}", "",
		"annotate secret u1 kubemirror.raczylo.com/sync=true kubemirror.raczylo.com/target-namespaces=PREFIX-b", notInB},
	{"add b to his own source", "", "", "annotate --overwrite secret c1 kubemirror.raczylo.com/target-namespaces=PREFIX-a,PREFIX-b", notInB},
	{"change the content alone", asking("u2", "target-namespaces=PREFIX-a,PREFIX-b"), "", `patch secret u2 --type=merge -p {"data":{"k":"eA=="}}`, notInB},
	{"change it by a JSON patch", "", "", `patch secret u2 --type=json -p [{"op":"add","path":"/data","value":{"k":"eA=="}}]`, notInB},
	{"change it by server-side apply", "", "apiVersion: v1\nkind: Secret\nmetadata: {name: u2}\nstringData: {k: x}", "apply --server-side -f-", notInB},
	{"change it by apply", "", asking("u2", "target-namespaces=PREFIX-a,PREFIX-b") + "stringData: {k: x}", "apply -f-", notInB},
	{"replace it", "", asking("u2", "target-namespaces=PREFIX-a,PREFIX-b") + "stringData: {k: x}", "replace -f-", notInB},
	{"make it immutable", "", "", `patch secret u2 --type=merge -p {"immutable":true}`, notInB},
	{"label its mirrors", "", "", "label secret u2 argocd.argoproj.io/secret-type=cluster", notInB},
	{"annotate its mirrors", "", "", "annotate secret u2 example.com/a=b", notInB},
	{"rename its mirrors", "", "", "annotate secret u2 kubemirror.raczylo.com/target-name=other", notInB},
	{"transform them", "", "", `annotate secret u2 kubemirror.raczylo.com/transform={"rules":[{"path":"data.k","value":"x"}]}`, notInB},
	{"have more of them", "", "", "annotate secret u2 kubemirror.raczylo.com/max-targets=2", notInB},
	{"change the content while it is paused", asking("u3", "target-namespaces=PREFIX-b", "paused=true"), "", `patch secret u3 --type=merge -p {"data":{"k":"eA=="}}`, notInB},
	{"go on after a pause", "", "", "annotate secret u3 kubemirror.raczylo.com/paused-", notInB},
	{"take an exclusion off the list", asking("u4", "target-namespaces=all,!PREFIX-b"), "", "annotate --overwrite secret u4 kubemirror.raczylo.com/target-namespaces=all", notEverywhere},
	{"take the list for the selector", asking("u5", "target-namespaces=PREFIX-a"), "",
		"annotate --overwrite secret u5 kubemirror.raczylo.com/target-namespaces- kubemirror.raczylo.com/target-selector=!x", notEverywhere},
	{"narrow it to a", "", "", "annotate --overwrite secret u2 kubemirror.raczylo.com/target-namespaces=PREFIX-a", ""},
	{"then change the content", "", "", `patch secret u2 --type=merge -p {"data":{"k":"eA=="}}`, ""},
}

// subresources are other ways to what the objects hold.
var subresources = []deed{
	{"annotate through the status", object("v1", "Service", "s1") + "spec: {ports: [{port: 80}]}", "",
		`patch service s1 --subresource=status --type=merge -p {"metadata":{"annotations":{"kubemirror.raczylo.com/target-namespaces":"PREFIX-b"}}}`,
		`may not create services in the namespace "PREFIX-b"`},
	{"label through the status", strings.Replace(object("v1", "Service", "s2", "target-namespaces=PREFIX-b"), domain+"enabled", "example.com/enabled", 1) + "spec: {ports: [{port: 80}]}", "",
		`patch service s2 --subresource=status --type=merge -p {"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}}}`,
		`may not create services in the namespace "PREFIX-b"`},
	{"a status itself is no content", object("v1", "Service", "s3", "target-namespaces=PREFIX-b") + "spec: {type: LoadBalancer, ports: [{port: 80}]}", "",
		`patch service s3 --subresource=status --type=merge -p {"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`, ""},
	{"nor is it where it is no subresource", object("PREFIX.example.com/v1", "Widget", "s4", "target-namespaces=PREFIX-b"), "",
		`patch widget s4 --type=merge -p {"status":{"ready":true}}`, ""},
	{"change another field there", "", "", `patch widget s4 --type=merge -p {"status":{"ready":false},"spec":{"size":1}}`, `may not create widgets.PREFIX.example.com in the namespace "PREFIX-b"`},
	{"scaling is not seen, as the reference says", object("apps/v1", "Deployment", "s5", "target-namespaces=PREFIX-b") +
		"spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}", "", "scale deployment s5 --replicas=2", ""},
	{"but the same through the object is", "", "", `patch deployment s5 --type=merge -p {"spec":{"replicas":3}}`, `may not create deployments.apps in the namespace "PREFIX-b"`},
}

// unjudged are changes of a source for b and all of which no mirror gets anything.
var unjudged = []deed{
	{"change nothing", asking("j1", "target-namespaces=PREFIX-b,all"), "", `patch secret j1 --type=merge -p {"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}}}`, ""},
	{"write what the controller writes", "", "",
		`patch secret j1 --type=merge -p {"metadata":{"finalizers":["kubemirror.raczylo.com/finalizer"],"annotations":{"kubemirror.raczylo.com/sync-status":"1/1_synced","kubemirror.raczylo.com/failed-targets":"x"}}}`, ""},
	{"take it off", "", "", `patch secret j1 --type=merge -p {"metadata":{"finalizers":null,"annotations":{"kubemirror.raczylo.com/sync-status":null}}}`, ""},
	{"have an owner", "", "", `patch secret j1 --type=merge -p {"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":"x"}]}}`, ""},
	{"exclude it", asking("j2", "target-namespaces=PREFIX-b"), "", "annotate secret j2 kubemirror.raczylo.com/exclude=true", ""},
	{"turn it off", asking("j3", "target-namespaces=PREFIX-b"), "", "annotate --overwrite secret j3 kubemirror.raczylo.com/sync=false", ""},
	{"take the label off", asking("j4", "target-namespaces=PREFIX-b"), "", "label secret j4 kubemirror.raczylo.com/enabled-", ""},
	{"delete it", asking("j5", "target-namespaces=PREFIX-b"), "", "delete secret j5", ""},
}

func TestUpToTwentyFourNamesAreJudgedOneByOne(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Apply(editors)
	policed(t, env)
	ann := env.Name("ann")
	grant(env, ann, env.Name("editor"), env.Name("src"))
	var names []string
	for i := range 25 {
		names = append(names, env.Namespace(fmt.Sprintf("target%d", i)))
		grant(env, ann, env.Name("creator"), names[i])
	}
	large := "data: {" + manyKeys(4000) + "}\n" // an expression has a budget
	list := func(names []string) string { return "target-namespaces=" + strings.Join(names, ",") }
	do(t, env, "kubemirror-sources", kubeconfig(t, env, ann), []deed{
		{"ask for 24", "", asking("few", list(names[:24])) + large, "create -f-", ""},
		{"change the content of that", "", "", `patch secret few --type=merge -p {"data":{"key-7":"eA=="}}`, ""},
		{"let as many ask as can be read", "", "", "annotate secret few kubemirror.raczylo.com/allow-to=" + strings.Repeat(strings.Repeat("a", 15)+",", 499) + "b", ""},
		{"have a ConfigMap stand for it, to 24", "", standIn("stand-in", "secrets/few", list(names[:24]), "allow-to="+strings.Repeat(strings.Repeat("a", 15)+",", 499)+"b") + large, "create -f-", ""},
		{"ask for 24, the last of which he may not", "", asking("bad", list(append(names[:23:23], env.Name("b")))) + large, "create -f-", `in the namespace "PREFIX-b"`},
		{"ask for 25", "", asking("many", list(names)), "create -f-", "in every namespace, which is what more than 24 names"},
	})
}

func TestTrustedAccountsAreNotJudgedByTheirRights(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Apply(editors)
	operator, member, other := env.Name("operator"), env.Name("member"), env.Name("other")
	policed(t, env, "--set=policies.trustedUsers={"+operator+"}", "--set=policies.trustedGroups={"+env.Name("team")+"}")
	for _, user := range []string{operator, member, other} {
		grant(env, user, env.Name("editor"), env.Name("src"))
	}
	do(t, env, "kubemirror-sources", kubeconfig(t, env, operator), []deed{
		{"a trusted user asks for all", "", asking("s1", "target-namespaces=all"), "create -f-", ""},
		{"and may not write nonsense", "", asking("s2", "target-namespaces=all", "paused=perhaps"), "create -f-", `"perhaps" is neither`},
	})
	do(t, env, "kubemirror-sources", kubeconfig(t, env, member, env.Name("team")), []deed{
		{"one of a trusted group asks for all", "", asking("s3", "target-namespaces=all"), "create -f-", ""},
	})
	do(t, env, "kubemirror-sources", kubeconfig(t, env, other, env.Name("others")), []deed{
		{"another one asks for all", "", asking("s4", "target-namespaces=all"), "create -f-", `"PREFIX-other" may not create secrets in every namespace`},
		{"he changes what a trusted one made", "", "", `patch secret s1 --type=merge -p {"data":{"k":"eA=="}}`, `"PREFIX-other" may not create secrets in every namespace`},
	})
	env.Apply(object("apps/v1", "Deployment", "web", "target-namespaces=all") +
		"spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}")
	controller := "system:serviceaccount:kube-system:deployment-controller"
	grant(env, controller, env.Name("editor"), env.Name("src")) // for kubectl, which patches where the controller updates
	do(t, env, "kubemirror-sources", kubeconfig(t, env, controller, "system:serviceaccounts", "system:serviceaccounts:kube-system"), []deed{
		{"a controller of Kubernetes counts revisions", "", "", "annotate deployment web deployment.kubernetes.io/revision=2", ""},
	})
	addOn := "system:serviceaccount:kube-system:add-on"
	grant(env, addOn, env.Name("editor"), env.Name("src"))
	do(t, env, "kubemirror-sources", kubeconfig(t, env, addOn, "system:serviceaccounts", "system:serviceaccounts:kube-system"), []deed{
		{"what else runs in kube-system is judged", "", "", "annotate deployment web a=b", "may not create deployments.apps in every namespace"},
	})
}
