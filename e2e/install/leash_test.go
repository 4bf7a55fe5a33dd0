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

// letGo is the patch that makes an object a mirror no more: all of its marks, or all but one.
func letGo(all bool) string {
	annotations := []string{"source-keys", "source-namespace", "source-name", "source-uid", "source-content-hash", "source-generation", "source-resource-version", "last-sync-time", "on-delete"}
	if all {
		annotations = append(annotations, "mirror-id")
	}
	var nulls []string
	for _, key := range annotations {
		nulls = append(nulls, fmt.Sprintf("%q:null", domain+key))
	}
	return fmt.Sprintf(`{"metadata":{"labels":{%q:null,%q:null},"annotations":{%s}}}`, domain+"mirror", domain+"managed-by", strings.Join(nulls, ","))
}

// event is one of the controller's, about what that says.
func event(namespace, regarding, labels string) string {
	return fmt.Sprintf(`
---
apiVersion: events.k8s.io/v1
kind: Event
metadata: {namespace: %s, generateName: event-, labels: {%s}}
eventTime: "2026-01-01T00:00:00.000000Z"
reportingController: kubemirror.raczylo.com
reportingInstance: pod
action: Mirror
reason: Told
type: Warning
regarding: {apiVersion: v1, %s}
`, namespace, labels, regarding)
}

// stageLoot makes the objects that the thief meets, before there is a leash.
func stageLoot(t *testing.T, env *kit.Env, target string) {
	t.Helper()
	refusesForgeries(t, env, false) // not the policy of another test
	env.Apply(staged(target))
	t.Cleanup(func() { env.Delete(kit.Object("Node", "", "one")) })
}

func staged(target string) string {
	id := func(kind, name string) string { return kind + "s/" + target + "/" + name }
	plain := func(name, metadata string) string {
		return "\n---\n{apiVersion: v1, kind: Secret, metadata: {namespace: " + target + ", name: " + name + ", " + metadata + "}}"
	}
	source := "labels: {kubemirror.raczylo.com/enabled: 'true'}"
	status := "finalizers: [kubemirror.raczylo.com/finalizer], annotations: {kubemirror.raczylo.com/sync-status: 1/1 synced}"
	return asMirror("Secret", target, "db", id("secret", "db"), "") +
		asMirror("Secret", target, "before", "", "") +
		asMirror("Secret", target, "child", id("configmap", "parent"), "") +
		strings.Replace(asMirror("Secret", target, "again", id("secret", "again"), ""), "labels: {", "labels: {kubemirror.raczylo.com/enabled: 'true', ", 1) +
		asMirror("ConfigMap", target, "large", id("configmap", "large"), "data: {"+manyKeys(4000)+"}") + // an expression has a budget
		plain("theirs", "labels: {a: b}") + plain("source", source) + plain("former", status) +
		"\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {namespace: " + target + ", name: large-source, " + source + "}, data: {" + manyKeys(4000) + "}}" +
		"\n---\n{apiVersion: v1, kind: Pod, metadata: {namespace: " + target + ", name: theirs}, spec: {containers: [{name: c, image: c}]}}" +
		"\n---\n{apiVersion: v1, kind: Pod, metadata: {namespace: " + target + ", name: labelled, " + source + "}, spec: {containers: [{name: c, image: c}]}}" +
		"\n---\n{apiVersion: v1, kind: Node, metadata: {name: one, labels: {kubemirror.raczylo.com/enabled: 'true'}}}" +
		"\n---\n{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: " + target + ", name: rich}}"
}

func TestAThiefOfTheTokenCanWriteMirrorsAndNothingElse(t *testing.T) {
	for _, mode := range []string{"wildcard", "enumerated"} {
		t.Run(mode, func(t *testing.T) { steal(t, mode) })
	}
}

// steal plays the thief of the controller's token where the chart gives it rights in that mode.
func steal(t *testing.T, mode string) {
	t.Helper()
	env := kit.New(t)
	system, target := "system-"+env.Prefix(), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	stageLoot(t, env, target)
	closed, picky := env.Namespace("closed", domain+"allow-mirrors=false"), env.Namespace("picky")
	env.Annotate(kit.Object("Namespace", "", picky), domain+"allow-from=other-*, "+env.Name("sr?")+"x,"+env.Name("friend"))
	release(t, env, system, "--set=rbac.mode="+mode)
	config := "--kubeconfig=" + account(t, env, system, "kubemirror")

	// loot is a mirror of that resource and name, as far as it says.
	loot := func(apiVersion, kind, id, rest string) string {
		return "---\n{apiVersion: " + apiVersion + ", kind: " + kind + ", metadata: {namespace: " + target +
			`, name: loot, labels: {kubemirror.raczylo.com/mirror: "true"}, annotations: {kubemirror.raczylo.com/mirror-id: ` + id +
			", kubemirror.raczylo.com/source-namespace: " + env.Name("src") + ", kubemirror.raczylo.com/source-name: db}}" + rest + "}"
	}
	own := "/" + target + "/loot"
	// ofKind is a mirror whose source is of another kind.
	ofKind := func(resource, mirror string) string {
		return strings.Replace(mirror, "annotations: {", "annotations: {kubemirror.raczylo.com/source-type: "+resource+", ", 1)
	}
	secret := loot("v1", "Secret", "secrets"+own, "")
	// into is that Secret in another namespace, of a source there.
	into := func(namespace, source string) string {
		return strings.ReplaceAll(strings.ReplaceAll(secret, target, namespace), env.Name("src"), source)
	}
	// asked is a mirror of a request in its own namespace, for that.
	asked := func(origin, namespace string) string {
		return strings.Replace(into(namespace, namespace), "annotations: {", "annotations: {kubemirror.raczylo.com/source-origin: "+origin+", ", 1)
	}
	create := []string{"create", "-f-"}
	patch := func(name, body string) []string {
		return []string{"-n", target, "patch", "secret", name, "--type=merge", "-p", body}
	}
	const content, held, told = `{"data":{"password":"eA=="}}`, `{"metadata":{"finalizers":["kubemirror.raczylo.com/finalizer"]}}`, `{"metadata":{"annotations":{"kubemirror.raczylo.com/sync-status":"1/1 synced"}}}`
	named := func(id string) string {
		return `{"metadata":{"annotations":{"kubemirror.raczylo.com/mirror-id":` + id + `}}}`
	}
	// The policy takes effect a moment after it is made.
	env.Eventually("the leash holds", func(context.Context) error {
		return refused(run(t, "", "kubectl", append([]string{config}, append(patch("theirs", `{"data":{"probe":"eA=="}}`), "--dry-run=server")...)...))
	})
	for _, row := range []attempt{
		{"change the content of somebody's Secret", "", patch("theirs", content)},
		{"make it a mirror", "", patch("theirs", `{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":"true"},"annotations":{"kubemirror.raczylo.com/mirror-id":"secrets/`+target+`/theirs"}}}`)},
		{"label it", "", patch("theirs", `{"metadata":{"labels":{"a":null}}}`)},
		{"annotate it", "", patch("theirs", `{"metadata":{"annotations":{"a":"b"}}}`)},
		{"have it owned, and collected", "", patch("theirs", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":"x"}]}}`)},
		{"hold it up", "", patch("theirs", `{"metadata":{"finalizers":["example.com/mine"]}}`)},
		{"hold it up by the finalizer", "", patch("theirs", held)},
		{"write a status on it", "", patch("theirs", told)},
		{"hold a source up by another finalizer", "", patch("source", `{"metadata":{"finalizers":["example.com/mine"]}}`)},
		{"change the status of what is no source any more", "", patch("former", `{"metadata":{"annotations":{"kubemirror.raczylo.com/sync-status":"2/2 synced"}}}`)},
		{"hold a namespace up", "", []string{"patch", "namespace", target, "--type=merge", "-p", held}},
		{"delete it", "", []string{"-n", target, "delete", "secret", "theirs"}},
		{"change the child of a mirror", "", patch("child", content)},
		{"adopt it", "", patch("child", named(`"secrets/`+target+`/child"`))},
		{"delete it", "", []string{"-n", target, "delete", "secret", "child"}},
		{"change a source that was a mirror", "", patch("again", content)},
		{"delete it", "", []string{"-n", target, "delete", "secret", "again"}},
		{"change the content of a source", "", patch("source", content)},
		{"take the label off a mirror", "", patch("db", `{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":null}}}`)},
		{"leave it behind with a label more", "", patch("db", strings.Replace(letGo(true), `"labels":{`, `"labels":{"a":"b",`, 1))},
		{"leave it behind with other content", "", patch("db", strings.Replace(letGo(true), "{", `{"data":{"password":"eA=="},`, 1))},
		{"leave it behind with a mark", "", patch("db", letGo(false))},
		{"leave somebody's behind", "", patch("child", letGo(true))},
		{"make a source of it", "", patch("db", `{"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}}}`)},
		{"take its name for itself away", "", patch("db", named("null"))},
		{"give it another's", "", patch("db", named(`"secrets/`+target+`/other"`))},
		{"change one from before without naming it", "", patch("before", content)},
		{"create what is no mirror", "{apiVersion: v1, kind: Secret, metadata: {namespace: " + target + ", name: loot}}", create},
		{"create what doesn't say which object it is", asMirror("Secret", target, "loot", "", ""), create},
		{"create what says that it is another", loot("v1", "Secret", "secrets/"+target+"/other", ""), create},
		{"create what says that it is of another kind", loot("v1", "Secret", "configmaps"+own, ""), create},
		{"create what says that it is the source's kind", ofKind("configmaps", loot("v1", "Secret", "configmaps"+own, "")), create},
		{"create one of a kind's source that is never mirrored itself", ofKind("secrets", loot("v1", "Pod", "pods"+own, ", spec: {containers: [{name: c, image: c}]}")), create},
		{"create one of another kind's source in the same namespace", ofKind("configmaps", into(target, target)), create},
		{"create a source", strings.Replace(loot("v1", "Secret", "secrets"+own, ""), "labels: {", "labels: {kubemirror.raczylo.com/enabled: 'true', ", 1), create},
		{"run a Pod", loot("v1", "Pod", "pods"+own, ", spec: {containers: [{name: c, image: c}]}"), create},
		{"have a token made", strings.Replace(loot("v1", "Secret", "secrets"+own, ", type: kubernetes.io/service-account-token"),
			"annotations: {", "annotations: {kubernetes.io/service-account.name: rich, ", 1), create},
		{"ask for a token", "", []string{"-n", target, "create", "token", "rich"}},
		{"run a program in a Pod", "", []string{"create", "--raw=/api/v1/namespaces/" + target + "/pods/theirs/exec?command=id", "-f-"}},
		{"run a Job", loot("batch/v1", "Job", "jobs.batch"+own, ", spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: c}]}}}"), create},
		{"create a mirror that names no source", strings.Replace(secret, "source-name:", "source-other:", 1), create},
		{"create a mirror of a source in the same namespace", into(target, target), create},
		{"create one that was asked for in the same namespace", asked("secrets/"+target+"/db", target), create},
		{"create one that was asked for nowhere", asked("secrets/db", target), create},
		{"create one that was asked for in more than a namespace", asked("secrets/"+env.Name("src")+"/db/"+target, target), create},
		{"create one that was asked for where no mirror is let in", asked("secrets/"+env.Name("friend")+"/db", closed), create},
		{"create one that was asked for where none of that source is let in", asked("secrets/"+env.Name("src")+"/db", picky), create},
		{"create one of a source that isn't let in, and say that it was asked for", strings.Replace(into(picky, env.Name("src")), "annotations: {", "annotations: {kubemirror.raczylo.com/source-origin: secrets/"+env.Name("friend")+"/db, ", 1), create},
		{"create one where no mirror is let in", into(closed, env.Name("src")), create},
		{"create one where none of that source is let in", into(picky, env.Name("src")), create},
		{"create one there of a namespace that only begins like one let in", into(picky, env.Name("friends")), create},
		{"run something on every node", strings.ReplaceAll(loot("apps/v1", "DaemonSet", "daemonsets.apps"+own, daemon), target, "kube-system"), create},
		{"have it run at times", strings.ReplaceAll(loot("batch/v1", "CronJob", "cronjobs.batch"+own, cron), target, "kube-system"), create},
		{"make administrators where a cloud lists them", strings.ReplaceAll(strings.ReplaceAll(loot("v1", "ConfigMap", "configmaps/kube-system/aws-auth", ""), "namespace: "+target, "namespace: kube-system"), "name: loot", "name: aws-auth"), create},
		{"give a role", loot("rbac.authorization.k8s.io/v1", "Role", "roles.rbac.authorization.k8s.io"+own, ", rules: []"), create},
		{"run a Pod by a ReplicationController", loot("v1", "ReplicationController", "replicationcontrollers"+own, ", spec: {selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}"), create},
		{"hold up a node", "", []string{"patch", "node", "one", "--type=merge", "-p", held}},
		{"hold up a Pod that is labelled as a source", "", []string{"-n", target, "patch", "pod", "labelled", "--type=merge", "-p", held}},
		{"read what others write", "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: loot}, " +
			`webhooks: [{name: a.example.com, admissionReviewVersions: [v1], sideEffects: None, clientConfig: {url: "https://example.com"}}]}`, create},
		{"create a namespace", "{apiVersion: v1, kind: Namespace, metadata: {name: loot}}", create},
		{"delete a namespace", "", []string{"delete", "namespace", target, "--wait=false"}},
		{"let a namespace be privileged", "", []string{"label", "namespace", target, "pod-security.kubernetes.io/enforce=privileged"}},
		{"scale a Deployment", "", []string{"-n", system, "scale", "deployment", "kubemirror", "--replicas=0"}},
		{"take a lease of somebody else", "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: kube-system, name: loot}}", create},
		{"write an Event of somebody else", strings.Replace(event(target, "kind: Secret, namespace: "+target+", name: db", ""), "reportingController: kubemirror", "reportingController: other", 1), create},
	} {
		if err := refusedOr(mode == "enumerated", run(t, "---\n"+strings.ReplaceAll(row.stdin, "PREFIX", env.Prefix()), "kubectl", append([]string{config}, row.args...)...)); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
	}
	for _, row := range []attempt{
		{"change a mirror", "", patch("db", content)},
		{"change a large one", "", []string{"-n", target, "patch", "configmap", "large", "--type=merge", "-p", `{"data":{"key-7":"x"}}`}},
		{"take one from before over", "", patch("before", `{"metadata":{"annotations":{"kubemirror.raczylo.com/mirror-id":"secrets/`+target+`/before"}},"data":{"k":"eA=="}}`)},
		{"leave a mirror behind", "", append(patch("db", letGo(true)), "--dry-run=server")},
		{"delete a mirror", "", []string{"-n", target, "delete", "secret", "db"}},
		{"create one where those of its source are let in", into(picky, env.Name("friend")), create},
		{"create one that was asked for where those of its source are let in", strings.ReplaceAll(asked("secrets/"+env.Name("friend")+"/db", picky), "loot", "loot-asked"), create},
		{"create one that a glob lets in", strings.ReplaceAll(into(picky, "other-team"), "loot", "loot-too"), create},
		{"create a mirror", loot("v1", "Secret", "secrets"+own, ""), create},
		{"create one of another kind's source", strings.ReplaceAll(ofKind("configmaps", secret), "loot", "loot-of"), create},
		{"create one of a group", loot("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies.networking.k8s.io"+own, ", spec: {podSelector: {}}"), create},
		{"hold a source", "", patch("source", held)},
		{"write its status", "", patch("source", told)},
		{"write that of a large one", "", []string{"-n", target, "patch", "configmap", "large-source", "--type=merge", "-p", told}},
		{"hold a source that was a mirror", "", patch("again", held)},
		{"let go of what is no source any more", "", patch("former", `{"metadata":{"finalizers":null,"annotations":{"kubemirror.raczylo.com/sync-status":null}}}`)},
		{"tell of a namespace", event("default", "kind: Namespace, name: "+target, ""), create},
		{"tell of a mirror", event(target, "kind: Secret, namespace: "+target+", name: db", ""), create},
	} {
		must(t, row.what, run(t, row.stdin, "kubectl", append([]string{config}, row.args...)...))
	}

	t.Log("what RBAC can subtract only where it has no wildcard, as the README says")
	for _, row := range seizures {
		got := run(t, "---\n"+row.stdin, "kubectl", append([]string{config}, append(row.args, "--dry-run=server")...)...)
		if taken := got.code == 0; taken != (mode == "wildcard") || !taken && !strings.Contains(got.errors, "orbidden") {
			t.Errorf("with the %s, the thief can %s: %v: %s", mode, row.what, taken, got)
		}
	}
	if mode == "wildcard" {
		must(t, "name the types", helm(t, "upgrade", "kubemirror", path(t, "charts", "kubemirror"), "--namespace="+system,
			"--kubeconfig="+admin(t, env), "--set=controller.resourceTypes={Secret.v1}"))
		got := run(t, "", "kubectl", config, "delete", "validatingadmissionpolicybinding", "kubemirror-leash", "--dry-run=server")
		if got.code == 0 || !strings.Contains(got.errors, "forbidden") {
			t.Errorf("with named types, the thief takes the leash off: %s", got)
		}
	}
	if env.Find(kit.Object(policyBinding, "", "kubemirror-leash")) == nil {
		t.Error("the leash is gone")
	}
}

const (
	daemon = ", spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}"
	cron   = `, spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: c}]}}}}}`
)

// seizures take the cluster: no policy is asked about policies.
var seizures = []attempt{
	{"take the leash off", "", []string{"delete", "validatingadmissionpolicybinding", "kubemirror-leash"}},
	{"change what others write", `{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, metadata: {name: loot}, spec: {reinvocationPolicy: Never,
		matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]},
		mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{}"}}]}}`, []string{"create", "-f-"}},
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

// refusedOr is refused where RBAC may have ended the command before.
func refusedOr(byRights bool, o outcome) error {
	if byRights && o.code != 0 && strings.Contains(o.errors, "orbidden") {
		return nil
	}
	return refused(o)
}

type notRefused struct{ outcome }

func (n notRefused) Error() string { return "the leash does not refuse it: " + n.String() }
