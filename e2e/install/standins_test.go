package install

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// standInRoles are of those who write ConfigMaps and read little else.
const standInRoles = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-writer}
rules: [{apiGroups: [""], resources: [configmaps], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-getter}
rules:
  - {apiGroups: [""], resources: [secrets], resourceNames: [db, key], verbs: [get]}
  - {apiGroups: [PREFIX.example.com], resources: [widgets], resourceNames: [db], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-lister}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-blind}
rules: [{apiGroups: [""], resources: [secrets], verbs: [create, patch]}]
`

// standIn is a ConfigMap that stands for an object or asks for one.
func standIn(name, of string, annotations ...string) string {
	return object("v1", "ConfigMap", name, append([]string{"mirror-of=" + of}, annotations...)...)
}

// off is a source without what turns it on.
func off(source string) string {
	return strings.Replace(source, "    kubemirror.raczylo.com/sync: \"true\"\n", "", 1)
}

// unlabelled is a source whose label is another.
func unlabelled(source string) string {
	return strings.Replace(source, domain+"enabled", "example.com/enabled", 1)
}

// crowded is a source with more annotations than a policy reads.
func crowded(source string) string {
	return source + "    " + strings.Join(numbered("a%d: x", 500), "\n    ") + "\n"
}

const (
	mayNotGet        = `"PREFIX-ann" may not get secrets "other" in the namespace "PREFIX-src", and so not have it mirrored by kubemirror.raczylo.com/mirror-of`
	noConfigMapsInA  = `"PREFIX-ann" may not create configmaps in the namespace "PREFIX-a"`
	noSecretsInSrc   = `"PREFIX-ann" may not create secrets in the namespace "PREFIX-src", and so not have them mirrored there; ask for that right`
	toA, toB         = "target-namespaces=PREFIX-a", "target-namespaces=PREFIX-b"
	becomesConfigMap = "target-kind=ConfigMap"
)

// standIns are made by one who may get the Secret and the Widget db, create Secrets and
// Widgets in a, and write ConfigMaps.
var standIns = []deed{
	{"stand for what he may get, to a", "", standIn("c1", "secrets/db", toA), "create -f-", ""},
	{"for an object of a definition", "", standIn("c2", "widgets.PREFIX.example.com/db", toA), "create -f-", ""},
	{"to where he may not create it", "", standIn("c3", "secrets/db", toB), "create -f-", notInB},
	{"everywhere", "", standIn("c3", "secrets/db", "target-namespaces=all"), "create -f-", notEverywhere},
	{"by labels", "", standIn("c3", "secrets/db", "target-selector=a"), "create -f-", notEverywhere},
	{"an object of a definition to b", "", standIn("c3", "widgets.PREFIX.example.com/db", toB), "create -f-", `"PREFIX-ann" may not create widgets.PREFIX.example.com in the namespace "PREFIX-b"`},
	{"for what he may not get", "", standIn("c3", "secrets/other", toA), "create -f-", mayNotGet},
	{"for what he may not get, to nowhere yet", "", standIn("c3", "secrets/other"), "create -f-", mayNotGet},
	{"for what he may not get, to those who ask", "", standIn("c3", "secrets/other", "allow-to=PREFIX-a"), "create -f-", mayNotGet},
	{"for another of a definition", "", standIn("c3", "widgets.PREFIX.example.com/other", toA), "create -f-", `may not get widgets.PREFIX.example.com "other" in the namespace "PREFIX-src"`},
	{"for one of that name of another kind", "", standIn("c3", "services/db", toA), "create -f-", `may not get services "db" in the namespace "PREFIX-src"`},
	{"for one of that kind of another group", "", standIn("c3", "secrets.example.com/db", toA), "create -f-", `may not get secrets.example.com "db" in the namespace "PREFIX-src"`},
	{"paused", "", standIn("c3", "secrets/other", toA, "paused=true"), "create -f-", mayNotGet},
	{"by server-side apply", "", standIn("c3", "secrets/other", toA), "apply --server-side -f-", mayNotGet},
	{"by apply", "", standIn("c3", "secrets/other", toA), "apply -f-", mayNotGet},
	{"under a name that is made", "", strings.Replace(standIn("x", "secrets/other", toA), "name: x", "generateName: x-", 1), "create -f-", mayNotGet},
	{"let those who ask have what he may get", "", standIn("c4", "secrets/db", "allow-to=PREFIX-a"), "create -f-", ""},
	{"have it become a kind that he may not create there", "", standIn("c3", "secrets/db", toA, becomesConfigMap), "create -f-", noConfigMapsInA},
	{"have it become one that he may", "", standIn("c5", "configmaps/plain", toA, "target-kind=Secret"), "create -f-", ""},
	{"have a ConfigMap of his own become it", "", object("v1", "ConfigMap", "c6", toA, "target-kind=Secret"), "create -f-", ""},
	{"have it become it in b", "", object("v1", "ConfigMap", "c3", toB, "target-kind=Secret"), "create -f-", notInB},
	{"not become it", "", standIn("c3", "configmaps/plain", toA), "create -f-", noConfigMapsInA},
	{"make what isn't on yet", "", off(standIn("c7", "secrets/other", toA)), "create -f-", ""},
	{"make what has no label yet", "", unlabelled(standIn("c8", "secrets/other", toA)), "create -f-", ""},
	{"make what is off", "", strings.Replace(standIn("c9", "secrets/other", toA), `sync: "true"`, `sync: "false"`, 1), "create -f-", ""},
	{"make what is excluded", "", standIn("c10", "secrets/other", toA, "exclude=true"), "create -f-", ""},
}

// standInsLater are updates by the same one.
var standInsLater = []deed{
	{"turn it on later", "", "", "annotate configmap c7 kubemirror.raczylo.com/sync=true", mayNotGet},
	{"label it later", "", "", "label configmap c8 kubemirror.raczylo.com/enabled=true", mayNotGet},
	{"turn it on again", "", "", "annotate --overwrite configmap c9 kubemirror.raczylo.com/sync=true", mayNotGet},
	{"take the exclusion back", "", "", "annotate configmap c10 kubemirror.raczylo.com/exclude-", mayNotGet},
	{"name another object", "", "", "annotate --overwrite configmap c1 kubemirror.raczylo.com/mirror-of=secrets/other", mayNotGet},
	{"name another that he may get", "", "", "annotate --overwrite configmap c1 kubemirror.raczylo.com/mirror-of=secrets/key", ""},
	{"name one of a kind that he may not create there", "", "", "annotate --overwrite configmap c1 kubemirror.raczylo.com/mirror-of=configmaps/plain", noConfigMapsInA},
	{"name none any more", "", "", "annotate configmap c1 kubemirror.raczylo.com/mirror-of-", noConfigMapsInA},
	{"add b", "", "", "annotate --overwrite configmap c1 kubemirror.raczylo.com/target-namespaces=PREFIX-b", notInB},
	{"have it become another kind", "", "", "annotate configmap c1 kubemirror.raczylo.com/target-kind=ConfigMap", noConfigMapsInA},
	{"have it become another kind no more", "", "", "annotate configmap c5 kubemirror.raczylo.com/target-kind-", noConfigMapsInA},
	{"have his own become another kind no more", "", "", "annotate configmap c6 kubemirror.raczylo.com/target-kind-", noConfigMapsInA},
	{"have it become the kind that it is", "", "", "annotate --overwrite configmap c6 kubemirror.raczylo.com/target-kind=ConfigMap", noConfigMapsInA},
	{"have somebody's Secrets be it", object("v1", "ConfigMap", "u1"), "", "annotate configmap u1 kubemirror.raczylo.com/mirror-of=secrets/other", mayNotGet},
	{"change what another's stands for, by the content of that", standIn("u2", "secrets/other", toA), "", `patch configmap u2 --type=merge -p {"data":{"k":"x"}}`, mayNotGet},
	{"annotate its mirrors", "", "", "annotate configmap u2 example.com/a=b", mayNotGet},
	{"label its mirrors", "", "", "label configmap u2 a=b", mayNotGet},
	{"rename its mirrors", "", "", "annotate configmap u2 kubemirror.raczylo.com/target-name=x", mayNotGet},
	{"let others ask for it", "", "", "annotate configmap u2 kubemirror.raczylo.com/allow-to=PREFIX-b", mayNotGet},
	{"go on after a pause", standIn("u3", "secrets/other", toA, "paused=true"), "", "annotate configmap u3 kubemirror.raczylo.com/paused-", mayNotGet},
	{"change one with too much to read", "", "", `patch configmap crowd --type=merge -p {"data":{"k":"x"}}`, mayNotGet},
	{"swap what it names for another annotation", "", "", `patch configmap crowd --type=merge -p {"metadata":{"annotations":{"a0":null,"a":"x"}}}`, mayNotGet},
	{"mistype the label of another's", "", "", "label --overwrite configmap u2 kubemirror.raczylo.com/enabled=True", `"True" is neither`},
	{"write what the controller writes", "", "", `patch configmap u2 --type=merge -p {"metadata":{"finalizers":["kubemirror.raczylo.com/finalizer"],"annotations":{"kubemirror.raczylo.com/sync-status":"1/1_synced"}}}`, ""},
	{"take it off", "", "", `patch configmap u2 --type=merge -p {"metadata":{"finalizers":null}}`, ""},
	{"turn another's off", "", "", "annotate --overwrite configmap u2 kubemirror.raczylo.com/sync=false", ""},
	{"exclude another's", "", "", "annotate configmap u3 kubemirror.raczylo.com/exclude=true", ""},
	{"delete another's", "", "", "delete configmap u3", ""},
}

// requests are of the same one: he may not create Secrets where he asks, only ConfigMaps.
var requests = []deed{
	{"ask for a Secret", "", standIn("r1", "secrets/PREFIX-a/db"), "create -f-", noSecretsInSrc},
	{"ask for it as a ConfigMap", "", standIn("r1", "secrets/PREFIX-a/db", becomesConfigMap), "create -f-", needless("target-kind")},
	{"ask for a ConfigMap", "", standIn("r3", "configmaps/PREFIX-a/plain"), "create -f-", ""},
	{"ask for a Secret instead", "", "", "annotate --overwrite configmap r3 kubemirror.raczylo.com/mirror-of=secrets/PREFIX-a/db", noSecretsInSrc},
	{"stand for one instead", "", "", "annotate --overwrite configmap r3 kubemirror.raczylo.com/mirror-of=secrets/other", mayNotGet},
	{"ask by what isn't on yet", "", off(standIn("r4", "secrets/PREFIX-a/db")), "create -f-", ""},
	{"turn that on", "", "", "annotate configmap r4 kubemirror.raczylo.com/sync=true", noSecretsInSrc},
	{"ask by what has no label yet", "", unlabelled(standIn("r5", "secrets/PREFIX-a/db")), "create -f-", ""},
	{"label that", "", "", "label configmap r5 kubemirror.raczylo.com/enabled=true", noSecretsInSrc},
	{"change what another asks for", standIn("r6", "secrets/PREFIX-a/db"), "", "annotate configmap r6 kubemirror.raczylo.com/target-name=x", noSecretsInSrc},
	{"give it up for the other", "", "", "delete configmap r6", ""},
	{"have one that stands for something ask", "", "", "annotate --overwrite configmap c4 kubemirror.raczylo.com/mirror-of=secrets/PREFIX-a/db kubemirror.raczylo.com/allow-to-", noSecretsInSrc},
}

func TestAStandInOrARequestGivesNobodyMoreThanHeHas(t *testing.T) {
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Namespace("b")
	env.Apply(editors)
	env.Apply(standInRoles)
	env.Apply(widgets)
	holds(t, env, false) // not the one of another test
	env.Apply(crowded(standIn("crowd", "secrets/other", toA)))
	operator, ann, lister, bob := env.Name("operator"), env.Name("ann"), env.Name("lister"), env.Name("bob")
	policed(t, env, "--set=policies.trustedUsers={"+operator+"}")
	for _, user := range []string{operator, ann, lister, bob} {
		grant(env, user, env.Name("writer"), src)
	}
	grant(env, ann, env.Name("getter"), src)
	grant(env, ann, env.Name("creator"), a)
	grant(env, lister, env.Name("lister"), src)
	grant(env, lister, env.Name("creator"), "")
	grant(env, bob, env.Name("creator"), src)

	do(t, env, "kubemirror-sources", kubeconfig(t, env, ann), slices.Concat(standIns, standInsLater, requests))
	t.Log("one who may create anything and get nothing")
	do(t, env, "kubemirror-sources", kubeconfig(t, env, lister), []deed{
		{"stand for what he may list", "", standIn("l1", "secrets/db", "target-namespaces=all"), "create -f-", `"PREFIX-lister" may not get secrets "db"`},
	})
	t.Log("one who may create Secrets where he asks, and nothing elsewhere; whether there is one is nobody's business here")
	do(t, env, "kubemirror-sources", kubeconfig(t, env, bob), []deed{
		{"ask for a Secret", "", standIn("b1", "secrets/PREFIX-a/db", "target-name=mine"), "create -f-", ""},
		{"ask in a namespace that isn't there", "", standIn("b2", "secrets/PREFIX-none/db"), "create -f-", ""},
		{"ask for an object of a definition", "", standIn("b3", "widgets.PREFIX.example.com/PREFIX-a/db"), "create -f-", ""},
		{"ask for what he may not create", "", standIn("b4", "services.example.com/PREFIX-a/db"), "create -f-", `"PREFIX-bob" may not create services.example.com in the namespace "PREFIX-src"`},
		{"stand for one", "", standIn("b4", "secrets/db"), "create -f-", `"PREFIX-bob" may not get secrets "db"`},
	})
	t.Log("one who is trusted")
	do(t, env, "kubemirror-sources", kubeconfig(t, env, operator), []deed{
		{"stand for what he may not get", "", standIn("t1", "secrets/other", "target-namespaces=all"), "create -f-", ""},
		{"ask for what he may not create", "", standIn("t2", "secrets/PREFIX-a/db"), "create -f-", ""},
		{"ask for nonsense", "", standIn("t3", "secrets"), "create -f-", "is neither RESOURCE/NAME"},
	})
}

func TestWhoLetsOthersAskForASourceMayGetIt(t *testing.T) {
	env := kit.New(t)
	src := env.Namespace("src")
	env.Apply(editors)
	env.Apply(standInRoles)
	holds(t, env, false) // not the one of another test
	env.Apply(crowded(asking("crowd", "allow-to=PREFIX-a")))
	policed(t, env)
	ann, blind := env.Name("ann"), env.Name("blind")
	grant(env, ann, env.Name("editor"), src)
	grant(env, blind, env.Name("blind"), src)
	const refused = `"PREFIX-blind" may not get secrets "s1" in the namespace "PREFIX-src", and so not let others have it by kubemirror.raczylo.com/allow-to`
	const apply = "apply --server-side --force-conflicts -f-"
	content := "data: {k: eA==}\n"
	do(t, env, "kubemirror-sources", kubeconfig(t, env, blind), []deed{
		{"make one that others may ask for, of what he has himself", "", asking("s0", "allow-to=PREFIX-*,!PREFIX-b"), apply, ""},
		{"let others ask for what another made", asking("s1"), asking("s1", "allow-to=PREFIX-a"), apply, refused},
		{"change its content", "", asking("s1") + content, apply, ""},
		{"turn on what others may then ask for", off(asking("s2", "allow-to=PREFIX-a")), asking("s2"), apply, `may not get secrets "s2"`},
		{"label what others may then ask for", unlabelled(asking("s3", "allow-to=PREFIX-a")), asking("s3"), apply, `may not get secrets "s3"`},
		{"let more ask", asking("s4", "allow-to=PREFIX-a"), asking("s4", "allow-to=PREFIX-*"), apply, `may not get secrets "s4"`},
		{"take the rules off for those who ask", asking("s5", "allow-to=PREFIX-a", "transform=rules: []"), asking("s5", "transform=rules:  []"), apply, `may not get secrets "s5"`},
		{"change the content of what others may ask for", "", asking("s4") + content, apply, ""},
		{"change what has too much to read", "", asking("crowd") + content, apply, `may not get secrets "crowd"`},
		{"turn it off", "", strings.Replace(asking("s4"), `sync: "true"`, `sync: "false"`, 1), apply, ""},
	})
	do(t, env, "kubemirror-sources", kubeconfig(t, env, ann), []deed{
		{"let others ask for what another made", "", "", "annotate secret s1 kubemirror.raczylo.com/allow-to=PREFIX-a", ""},
		{"let all ask", "", "", "annotate --overwrite secret s1 kubemirror.raczylo.com/allow-to=*", ""},
		{"let nobody ask any more", "", "", "annotate secret s1 kubemirror.raczylo.com/allow-to-", ""},
	})
}

// unreadableStandIns are annotations of a ConfigMap that asks or stands for something,
// or lets others ask, and what the policy says of them.
var unreadableStandIns = []struct{ annotations, refusal string }{
	{"mirror-of=", isNeither("")},
	{"mirror-of=secrets", isNeither("secrets")},
	{"mirror-of=secrets/a/b/c", isNeither("secrets/a/b/c")},
	{"mirror-of=/db", noResource("")},
	{"mirror-of= secrets/db", noResource(" secrets")},
	{"mirror-of=Secret/x", noResource("Secret")},
	{"mirror-of=Secret.v1/x", noResource("Secret.v1")},
	{"mirror-of=Secret/a/x", noResource("Secret")},
	{"mirror-of=secrets./db", noResource("secrets.")},
	{"mirror-of=*/db", noResource("*")},
	{"mirror-of=" + strings.Repeat("a", 64) + "/db", noResource(strings.Repeat("a", 64))},
	{"mirror-of=secrets/Team/db", noNamespace("Team")},
	{"mirror-of=secrets//db", noNamespace("")},
	{"mirror-of=secrets/../db", noNamespace("..")},
	{"mirror-of=secrets/*/db", noNamespace("*")},
	{"mirror-of=secrets/" + strings.Repeat("a", 64) + "/db", noNamespace(strings.Repeat("a", 64))},
	{"mirror-of=secrets/", noName("")},
	{"mirror-of=secrets/d b", noName("d b")},
	{"mirror-of=secrets/db ", noName("db ")},
	{"mirror-of=secrets/db, secrets", noName("db, secrets")},
	{"mirror-of=secrets/d%2fb", noName("d%2fb")},
	{"mirror-of=secrets/.", noName(".")},
	{"mirror-of=secrets/..", noName("..")},
	{"mirror-of=secrets/a/..", noName("..")},
	{"mirror-of=secrets/" + strings.Repeat("a", 254), noName(strings.Repeat("a", 254))},
	{"mirror-of=secrets/" + strings.Repeat("a", 300), noName(strings.Repeat("a", 256))},
	{"mirror-of=secrets/" + strings.Repeat("a", 8185), "kubemirror.raczylo.com/mirror-of: it has 8193 bytes; the most is 8192"},
	{"mirror-of=secrets/PREFIX-src/db", "kubemirror.raczylo.com/mirror-of: it names its own namespace; write secrets/db to stand for an object here"},
	{"mirror-of=pods/web", "kubemirror.raczylo.com/mirror-of: pods are never mirrored"},
	{"mirror-of=pods/a/web", "kubemirror.raczylo.com/mirror-of: pods are never mirrored"},
	{"mirror-of=leases.coordination.k8s.io/a/b", "kubemirror.raczylo.com/mirror-of: leases.coordination.k8s.io are never mirrored"},
	{"mirror-of=replicasets.apps/web", "kubemirror.raczylo.com/mirror-of: replicasets.apps are never mirrored"},
	{"mirror-of=roles.rbac.authorization.k8s.io/a", "kubemirror.raczylo.com/mirror-of: roles.rbac.authorization.k8s.io are mirrored only by their own label"},
	{"mirror-of=rolebindings.rbac.authorization.k8s.io/a/b", "kubemirror.raczylo.com/mirror-of: rolebindings.rbac.authorization.k8s.io are mirrored only by their own label"},
	{"mirror-of=secrets/a/b target-namespaces=c", needless("target-namespaces")},
	{"mirror-of=secrets/a/b target-selector=", needless("target-selector")},
	{"mirror-of=secrets/a/b target-kind=Secret", needless("target-kind")},
	{"mirror-of=secrets/a/b max-targets=1", needless("max-targets")},
	{"mirror-of=secrets/a/b allow-to=c", needless("allow-to")},
	{"mirror-of=services/db target-kind=Secret", "kubemirror.raczylo.com/target-kind: only the mirrors of Secrets and ConfigMaps may be of another kind, not those of services"},
	{"mirror-of=secrets.example.com/b target-kind=Secret", "kubemirror.raczylo.com/target-kind: only the mirrors of Secrets and ConfigMaps may be of another kind, not those of secrets.example.com"},
	{"allow-to=team-a,Team", `kubemirror.raczylo.com/allow-to: "Team" has a character that can't be in a name or glob: 'T'`},
	{"allow-to=all", `kubemirror.raczylo.com/allow-to: "all" can't be read as a name or glob; write * for every namespace`},
	{"allow-to=*,!all-labeled", `kubemirror.raczylo.com/allow-to: "all-labeled" can't be read as a name or glob; write * for every namespace`},
	{"allow-to=!", `kubemirror.raczylo.com/allow-to: "!" takes away nothing; write a name or glob behind it`},
	{"allow-to=" + strings.Repeat("a", 318), "kubemirror.raczylo.com/allow-to: an item of 318 characters; the most is 317; items are separated by commas"},
	{"allow-to=" + strings.Repeat("a,", 500) + "a", "kubemirror.raczylo.com/allow-to: it has 501 items; the most is 500"},
	{"allow-to=" + strings.Repeat("a", 8193), "kubemirror.raczylo.com/allow-to: it has 8193 bytes; the most is 8192"},
}

func isNeither(text string) string {
	return fmt.Sprintf("kubemirror.raczylo.com/mirror-of: %q is neither RESOURCE/NAME, for an object of this namespace, nor RESOURCE/NAMESPACE/NAME, for a source elsewhere", text)
}

func noResource(text string) string {
	return fmt.Sprintf("kubemirror.raczylo.com/mirror-of: %q is no resource; write it as kubectl api-resources has it, in the plural and with its group, as secrets or certificates.cert-manager.io", text)
}

func noNamespace(text string) string {
	return fmt.Sprintf("kubemirror.raczylo.com/mirror-of: %q is no name of a namespace", text)
}

func noName(text string) string {
	return fmt.Sprintf("kubemirror.raczylo.com/mirror-of: %q is no name of an object", text)
}

func needless(key string) string {
	return domain + key + ": it has no meaning beside kubemirror.raczylo.com/mirror-of of another namespace, which asks for a mirror in this one; take it off"
}

// readableStandIns are those that it takes.
var readableStandIns = []string{
	"mirror-of=secrets/db", "mirror-of=widgets.example.com/db", "mirror-of=secrets/a/db", "mirror-of=widgets.example.com/a/db", "mirror-of=secrets/system:node_A.b@c",
	"mirror-of=secrets/" + strings.Repeat("a", 253), "mirror-of=secrets/" + strings.Repeat("a", 63) + "/...", "mirror-of=serviceaccounts/a",
	"mirror-of=secrets/a/b target-name=mine transform=rules:[] transform-strict=true paused=true",
	"mirror-of=secrets/db target-namespaces=a,b* target-selector=x max-targets=1 allow-to=c target-kind=Secret",
	"allow-to=", "allow-to=*,!kube-*,!\u00a0a", "allow-to=,team-?,\u00a0,all-of-us", "allow-to=" + strings.Repeat("a,", 499) + "a", "allow-to=" + strings.Repeat("a", 317),
	"source-type=secrets", "source-origin=secrets/a/b", // what is left of the mirror that it was
}

func TestWhatAStandInOrARequestSaysCanBeRead(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	policed(t, env)
	as := func(name, annotations string) string {
		return object("v1", "ConfigMap", name, strings.Split(annotations, " ")...)
	}
	var deeds []deed
	for i, row := range unreadableStandIns {
		text := as(fmt.Sprint("m", i), row.annotations)
		if strings.Count(row.annotations, "=") == 1 {
			text = object("v1", "ConfigMap", fmt.Sprint("m", i), row.annotations) // blanks and all
		}
		deeds = append(deeds, deed{fmt.Sprintf("write %.60s", row.annotations), "", text, "create --dry-run=server -f-", row.refusal})
	}
	for i, annotations := range readableStandIns {
		deeds = append(deeds, deed{fmt.Sprintf("write %.60s", annotations), "", as(fmt.Sprint("r", i), annotations), "create --dry-run=server -f-", ""})
	}
	deploy := ", spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}}"
	deeds = append(deeds, []deed{
		{"have a Secret stand for another", "", asking("s", "mirror-of=secrets/db"), "create -f-", "kubemirror.raczylo.com/mirror-of: only a ConfigMap may ask for another object's mirror, not a Secret"},
		{"have it ask for another", "", asking("s", "mirror-of=secrets/a/db"), "create -f-", "kubemirror.raczylo.com/mirror-of: only a ConfigMap may ask for another object's mirror, not a Secret"},
		{"have a Deployment become a Secret", "", "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, labels: {kubemirror.raczylo.com/enabled: 'true'}, annotations: {kubemirror.raczylo.com/target-kind: Secret}}" + deploy,
			"create -f-", "kubemirror.raczylo.com/target-kind: only the mirrors of Secrets and ConfigMaps may be of another kind, not those of a Deployment"},
		{"change the content of what can't be read", standIn("later", "secrets/db"), "", `patch configmap later --type=merge -p {"data":{"k":"x"}}`, ""},
		{"change what it names to what can't be read", "", "", "annotate --overwrite configmap later kubemirror.raczylo.com/mirror-of=secrets", "is neither RESOURCE/NAME"},
		{"turn it off", "", "", "annotate --overwrite configmap later kubemirror.raczylo.com/sync=false", ""},
		{"write nonsense on what is off", "", "", "annotate --overwrite configmap later kubemirror.raczylo.com/mirror-of=secrets", ""},
		{"turn that on", "", "", "annotate --overwrite configmap later kubemirror.raczylo.com/sync=true", "is neither RESOURCE/NAME"},
	}...)
	do(t, env, "kubemirror-sources", admin(t, env), deeds)
}
