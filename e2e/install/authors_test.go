package install

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// authorKey is where the API server writes who last changed a source.
const authorKey = domain + "author"

// stamping installs the chart with the policies on authors, and waits until they hold.
func stamping(t *testing.T, env *kit.Env, flags ...string) (system string) {
	t.Helper()
	policed(t, env, append(flags, "--set=policies.authors.enabled=true")...)
	probe := strings.ReplaceAll(asking("probe"), "PREFIX", env.Prefix())
	env.Eventually("authors are stamped", func(context.Context) error {
		got := run(t, probe, "kubectl", "--kubeconfig="+admin(t, env), "create", "--dry-run=server", "-ojson", "-f-")
		if got.code != 0 || !strings.Contains(got.out, authorKey) {
			return fmt.Errorf("not yet: %s", got)
		}
		return nil
	})
	return "system-" + env.Prefix()
}

// stamp is who a source says has changed it last: "" for nobody.
func stamp(t *testing.T, env *kit.Env, r kit.Ref) string {
	t.Helper()
	lines := strings.Split(env.Get(r).GetAnnotations()[authorKey], "\n")
	if len(lines) == 1 {
		return lines[0]
	}
	role := env.Get(kit.Object("ClusterRole.v1.rbac.authorization.k8s.io", "", "kubemirror-authors"))
	if lines[0] != string(role.GetUID()) {
		t.Errorf("the stamp of %s is of %q", r, lines[0])
	}
	return strings.TrimPrefix(lines[1], env.Prefix()+"-")
}

// forgery is a stamp of one who may do everything.
func forgery(env *kit.Env) string {
	return string(env.Get(kit.Object("ClusterRole.v1.rbac.authorization.k8s.io", "", "kubemirror-authors")).GetUID()) + "\nadmin\nsystem:masters"
}

// signed is who a source names when somebody has done that to it, by kubectl.
type signed struct{ what, stdin, args, kind, name, author string }

func TestNobodyWritesAnotherAuthorOnASourceThanHimself(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Apply(editors)
	env.Apply(widgets)
	stamping(t, env)
	env.Eventually("the server can stamp the new kind", func(context.Context) error { // it reads schemas anew after a while
		return env.Trial(object("PREFIX.example.com/v1", "Widget", "probe"))
	})
	for _, user := range []string{"ann", "bob"} {
		grant(env, env.Name(user), env.Name("editor"), env.Name("src"))
	}
	const deployment = "Deployment.v1.apps"
	forged := fmt.Sprintf("%q", forgery(env))
	with := func(text string) string { // the forged stamp among the annotations
		return strings.Replace(text, "  annotations:\n", "  annotations:\n    "+authorKey+": "+forged+"\n", 1)
	}
	web := object("apps/v1", "Deployment", "web") + "spec: {replicas: 1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}\n"
	steps := []struct {
		user string
		done []signed
	}{
		{"ann", []signed{
			{"make one with another's stamp", with(asking("s")), "create -f-", "Secret", "s", "ann"},
			{"make one by server-side apply, and own the stamp", with(asking("a")), "apply --server-side -f-", "Secret", "a", "ann"},
			{"make one of a definition's kind", with(object("PREFIX.example.com/v1", "Widget", "w")), "create -f-", "Widget.v1.PREFIX.example.com", "w", "ann"},
			{"make one with no annotations", "---\n{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-src, name: bare, labels: {kubemirror.raczylo.com/enabled: 'true'}}}", "create -f-", "Secret", "bare", "ann"},
			{"make what is no source yet", strings.Replace(with(asking("later")), domain+"enabled", "example.com/enabled", 1), "create -f-", "Secret", "later", "admin"},
			{"make what is off", strings.Replace(with(asking("idle")), `sync: "true"`, `sync: "false"`, 1), "create -f-", "Secret", "idle", "admin"},
			{"make what is excluded", with(asking("out", "exclude=true")), "create -f-", "Secret", "out", "admin"},
			{"make a Service", object("v1", "Service", "svc") + "spec: {ports: [{port: 80}]}", "create -f-", "Service", "svc", "ann"},
			{"make a Deployment", web, "create -f-", deployment, "web", "ann"},
		}},
		{"bob", []signed{
			{"make a ConfigMap", object("v1", "ConfigMap", "c"), "create -f-", "ConfigMap", "c", "bob"},
			{"label what had a forged stamp", "", "label secret later kubemirror.raczylo.com/enabled=true", "Secret", "later", "bob"},
			{"turn on what had one", "", "annotate --overwrite secret idle kubemirror.raczylo.com/sync=true", "Secret", "idle", "bob"},
			{"have no longer excluded what had one", "", "annotate secret out kubemirror.raczylo.com/exclude-", "Secret", "out", "bob"},
			{"change nothing", "", `patch secret s --type=merge -p {"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}}}`, "Secret", "s", "ann"},
			{"change what no mirror follows", "", `patch secret s --type=merge -p {"metadata":{"finalizers":["example.com/x"],"annotations":{"kubemirror.raczylo.com/sync-status":"1/1_synced"}}}`, "Secret", "s", "ann"},
			{"take that back", "", `patch secret s --type=merge -p {"metadata":{"finalizers":null}}`, "Secret", "s", "ann"},
			{"write a status", "", `patch service svc --subresource=status --type=merge -p {"status":{"loadBalancer":{}}}`, "Service", "svc", "ann"},
			{"write the status of a definition's kind", "", `patch widget w --type=merge -p {"status":{"ready":true}}`, "Widget.v1.PREFIX.example.com", "w", "ann"},
			{"annotate through the status", "", `patch service svc --subresource=status --type=merge -p {"metadata":{"annotations":{"example.com/a":"b"}}}`, "Service", "svc", "bob"},
			{"forge the stamp through the status", "", `patch deployment web --subresource=status --type=merge -p {"metadata":{"annotations":{"` + authorKey + `":` + strings.ReplaceAll(forged, " ", "_") + `}}}`, deployment, "web", "bob"},
			{"forge it by a patch", "", `patch secret a --type=merge -p {"metadata":{"annotations":{"` + authorKey + `":` + forged + `}}}`, "Secret", "a", "bob"},
			{"take it off", "", "annotate secret bare " + authorKey + "-", "Secret", "bare", "bob"},
			{"take all annotations off", "", `patch widget w --type=json -p [{"op":"remove","path":"/metadata/annotations"}]`, "Widget.v1.PREFIX.example.com", "w", "bob"},
			{"have its mirrors become another kind", "", "annotate secret a kubemirror.raczylo.com/target-kind=ConfigMap", "Secret", "a", "bob"},
			{"change the content and leave the stamp", "", `patch secret s --type=merge -p {"data":{"k":"eA=="}}`, "Secret", "s", "bob"},
		}},
		{"ann", []signed{
			{"change it by apply", asking("s") + "stringData: {k: other}", "apply -f-", "Secret", "s", "ann"},
			{"sign it, as the status says", "", "annotate --overwrite secret bare " + authorKey + "=", "Secret", "bare", "ann"},
			{"let others ask for it", "", "annotate secret a kubemirror.raczylo.com/allow-to=*", "Secret", "a", "ann"},
			{"have a ConfigMap stand for it", "", "annotate configmap c kubemirror.raczylo.com/mirror-of=secrets/a", "ConfigMap", "c", "ann"},
			{"change the Deployment", "", `patch deployment web --type=merge -p {"spec":{"replicas":2}}`, deployment, "web", "ann"},
		}},
	}
	for _, turn := range steps {
		config := kubeconfig(t, env, env.Name(turn.user), "team")
		for _, d := range turn.done {
			do(t, env, "", config, []deed{{turn.user + ": " + d.what, "", d.stdin, d.args, ""}})
			r := kit.Object(strings.ReplaceAll(d.kind, "PREFIX", env.Prefix()), env.Name("src"), d.name)
			if got := stamp(t, env, r); got != d.author {
				t.Errorf("%s: %s: its author is %q, want %q", turn.user, d.what, got, d.author)
			}
		}
	}
	if got := env.Get(kit.Object("Secret", env.Name("src"), "s")).GetAnnotations()[authorKey]; !strings.HasSuffix(got, "\n"+env.Name("ann")+"\nteam\nsystem:authenticated") {
		t.Errorf("the stamp is %q", got)
	}

	t.Log("Kubernetes' own controllers write under its author's name, and make nothing in anybody's")
	grant(env, "system:serviceaccount:kube-system:deployment-controller", env.Name("editor"), env.Name("src"))
	do(t, env, "", kubeconfig(t, env, "system:serviceaccount:kube-system:deployment-controller"), []deed{
		{"bump the revision", "", "", "annotate deployment web deployment.kubernetes.io/revision=2 --overwrite", ""},
		{"copy a forged stamp to what it makes", "", with(asking("made")), "create -f-", ""},
	})
	do(t, env, "kubemirror-authors", kubeconfig(t, env, "system:serviceaccount:kube-system:deployment-controller"), []deed{
		{"write another stamp", "", "", "annotate --overwrite deployment web " + authorKey + "=x", "names who makes the change"},
	})
	if got := stamp(t, env, kit.Object(deployment, env.Name("src"), "web")); got != "ann" {
		t.Errorf("the author of a Deployment whose controller wrote on it is %q", got)
	}
	if got := stamp(t, env, kit.Object("Secret", env.Name("src"), "made")); got != "" {
		t.Errorf("the author of what a controller made is %q", got)
	}

	t.Log("who has no name that fits changes no source, and anything else")
	crowd := "--as=PREFIX-bob"
	for i := range 501 {
		crowd += fmt.Sprintf(" --as-group=g%d", i)
	}
	const tooMuch = "takes a name and at most 500 groups"
	do(t, env, "kubemirror-authors", admin(t, env), []deed{
		{"change a source as one of 501 groups", "", "", `patch secret s --type=merge -p {"data":{"k":"eA=="}} ` + crowd, tooMuch},
		{"change what no mirror follows, as one", "", "", `patch secret s --type=merge -p {"metadata":{"finalizers":[]}} ` + crowd, ""},
		{"as one of a group with a long name", "", "", `patch secret s --type=merge -p {"data":{"k":"eA=="}} --as=PREFIX-bob --as-group=` + strings.Repeat("g", 17000), tooMuch},
	})

	t.Log("nor does anybody where the one policy is away")
	env.Delete(kit.Object("MutatingAdmissionPolicyBinding.v1.admissionregistration.k8s.io", "", "kubemirror-authors"))
	env.Eventually("nothing is stamped any more", func(context.Context) error {
		got := run(t, strings.ReplaceAll(asking("probe"), "PREFIX", env.Prefix()), "kubectl", "--kubeconfig="+admin(t, env), "create", "--dry-run=server", "-ojson", "-f-")
		if !strings.Contains(got.errors, "kubemirror-authors") {
			return fmt.Errorf("not yet: %s", got)
		}
		return nil
	})
	const refused = "it names who makes the change"
	do(t, env, "kubemirror-authors", kubeconfig(t, env, env.Name("bob")), []deed{
		{"make one with another's stamp", "", with(asking("f1")), "create -f-", refused},
		{"make one without", "", asking("f2"), "create -f-", refused},
		{"forge the stamp", "", "", `patch secret s --type=merge -p {"metadata":{"annotations":{"` + authorKey + `":` + forged + `}}}`, refused},
		{"take it off", "", "", "annotate secret s " + authorKey + "-", refused},
		{"change the content under the other's name", "", "", `patch secret s --type=merge -p {"data":{"k":"eQ=="}}`, refused},
		{"annotate through the status", "", "", `patch service svc --subresource=status --type=merge -p {"metadata":{"annotations":{"example.com/a":"c"}}}`, refused},
		{"have the label of what had a forged stamp", strings.Replace(with(asking("f3")), domain+"enabled", "example.com/enabled", 1), "", "label secret f3 kubemirror.raczylo.com/enabled=true", refused},
		{"change what no mirror follows", "", "", `patch secret s --type=merge -p {"metadata":{"finalizers":["example.com/x"]}}`, ""},
		{"take that back", "", "", `patch secret s --type=merge -p {"metadata":{"finalizers":null}}`, ""},
		{"turn it off", "", "", "annotate --overwrite secret s kubemirror.raczylo.com/sync=false", ""},
	})
}
