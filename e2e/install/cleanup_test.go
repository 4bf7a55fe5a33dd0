package install

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const (
	ours   = domain + "finalizer"
	theirs = "example.com/theirs"
)

// widgets is a kind of our own; PREFIX tells those of one test from another's.
const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.PREFIX.example.com
spec:
  group: PREFIX.example.com
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// source is an object to mirror, with one finalizer of somebody else's if asked.
func source(apiVersion, kind, namespace, name string, finalizers ...string) string {
	return fmt.Sprintf(`
apiVersion: %s
kind: %s
metadata:
  namespace: %s
  name: %s
  finalizers: [%s]
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: "*-target*"}
`, apiVersion, kind, namespace, name, strings.Join(finalizers, ","))
}

// synced is the check of a source with all its mirrors, and the finalizer.
func synced(o *unstructured.Unstructured) error {
	if status := o.GetAnnotations()[domain+"sync-status"]; status != "1/1 synced" || !slices.Contains(o.GetFinalizers(), ours) {
		return fmt.Errorf("its status is %q, its finalizers are %q", status, o.GetFinalizers())
	}
	return nil
}

// clean is the check of an object that has nothing of ours, and just these finalizers.
func clean(t *testing.T, env *kit.Env, r kit.Ref, finalizers ...string) {
	t.Helper()
	o := env.Get(r)
	if !slices.Equal(o.GetFinalizers(), finalizers) {
		t.Errorf("%s has the finalizers %q, want %q", r, o.GetFinalizers(), finalizers)
	}
	if status, there := o.GetAnnotations()[domain+"sync-status"]; there {
		t.Errorf("%s still has the status %q", r, status)
	}
}

func TestCleanupReleasesEverySourceAndCanBeRunAgain(t *testing.T) {
	env := kit.New(t)
	src, target := env.Namespace("src"), env.Namespace("target")
	env.Apply(widgets)
	widget := kit.Object("Widget.v1."+env.Prefix()+".example.com", src, "db")
	secret, configMap, unlabelled := kit.Object("Secret", src, "db"), kit.Object("ConfigMap", src, "db"), kit.Object("ConfigMap", src, "lost")
	foreign := kit.Object("Secret", target, "foreign")
	env.Apply(source("v1", "Secret", src, "db"))
	env.Apply(source("v1", "ConfigMap", src, "db", theirs))
	env.Apply(source("v1", "ConfigMap", src, "lost"))
	retained := kit.Object("PodTemplate", src, "kept")
	env.Apply(strings.Replace(source("v1", "PodTemplate", src, "kept"), "annotations: {", "annotations: {kubemirror.raczylo.com/on-delete: retain, ", 1) + "template: {spec: {containers: [{name: c, image: c}]}}\n")
	env.Apply(source(env.Prefix()+".example.com/v1", "Widget", src, "db"))
	env.Apply("{apiVersion: v1, kind: Secret, metadata: {namespace: " + target + ", name: foreign}}")
	km := env.Start()
	for _, r := range []kit.Ref{secret, configMap, unlabelled, widget, retained} {
		env.WaitFor(r, "is synced", synced)
	}
	km.Stop()
	env.Label(unlabelled, domain+"enabled-")
	before := env.Get(foreign).GetResourceVersion()

	t.Log("without --delete-mirrors, mirrors stay")
	program, config := binary(t), admin(t, env)
	out := must(t, "cleanup", run(t, "", program, "cleanup", "--kubeconfig="+config))
	for _, line := range []string{"Secret.v1: 1 source released", "ConfigMap.v1: 2 sources released", widget.Kind + ": 1 source released", ": 5 sources released"} {
		if !strings.Contains(out, line) {
			t.Errorf("it says %q, and lacks %q", out, line)
		}
	}
	clean(t, env, secret)
	clean(t, env, configMap, theirs)
	clean(t, env, unlabelled)
	clean(t, env, widget)
	for _, r := range []kit.Ref{secret, configMap, unlabelled, widget} {
		env.Get(r.In(target))
	}

	t.Log("a second run finds nothing to do, and writes nothing")
	mark := env.Mark()
	if out := must(t, "cleanup again", run(t, "", program, "cleanup", "--kubeconfig="+config)); !strings.HasSuffix(out, "types: nothing to do\n") {
		t.Errorf("it says %q", out)
	}
	if writes := asked(t, env, mark, "admin").Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("it wrote:\n%s", writes)
	}

	t.Log("with --delete-mirrors they go, and nothing else does")
	out = must(t, "cleanup", run(t, "", program, "cleanup", "--delete-mirrors", "--kubeconfig="+config))
	if !strings.Contains(out, "ConfigMap.v1: 2 mirrors deleted\n") || !strings.Contains(out, "PodTemplate.v1: 1 mirror left behind\n") {
		t.Errorf("it says %q", out)
	}
	for _, r := range []kit.Ref{secret, configMap, unlabelled, widget} {
		if env.Find(r.In(target)) != nil {
			t.Errorf("the mirror %s is still there", r.In(target))
		}
	}
	if o := env.Get(retained.In(target)); len(o.GetLabels())+len(o.GetAnnotations()) > 0 {
		t.Errorf("what its source has stay behind has the labels %v and annotations %v", o.GetLabels(), o.GetAnnotations())
	}
	if after := env.Get(foreign).GetResourceVersion(); after != before {
		t.Error("it changed an object that is none of ours")
	}
}

func TestCleanupOfSomeSourceNamespacesLeavesWhatIsOfOthersAsItIs(t *testing.T) {
	env := kit.New(t)
	src, other, target := env.Namespace("src"), env.Namespace("other"), env.Namespace("target")
	ours, others := kit.Object("Secret", src, "db"), kit.Object("Secret", other, "cache")
	env.Apply(source("v1", "Secret", src, "db"))
	env.Apply(source("v1", "Secret", other, "cache"))
	km := env.Start()
	env.WaitFor(ours, "is synced", synced)
	env.WaitFor(others, "is synced", synced)
	km.Stop()
	before := []string{env.Get(others).GetResourceVersion(), env.Get(others.In(target)).GetResourceVersion()}
	glob := strings.TrimSuffix(src, "rc") + "?c"
	out := must(t, "cleanup", run(t, "", binary(t), "cleanup", "--delete-mirrors", "--source-namespaces="+glob, "--kubeconfig="+admin(t, env)))
	if !strings.Contains(out, "Secret.v1: 1 mirror deleted, 1 source released\n") {
		t.Errorf("it says %q", out)
	}
	clean(t, env, ours)
	if env.Find(ours.In(target)) != nil {
		t.Errorf("the mirror %s is still there", ours.In(target))
	}
	if after := []string{env.Get(others).GetResourceVersion(), env.Get(others.In(target)).GetResourceVersion()}; !slices.Equal(after, before) {
		t.Errorf("it changed what is of another namespace: the versions are %q, and were %q", after, before)
	}
}

func TestCleanupFreesANamespaceAndADefinitionThatWaitForTheFinalizer(t *testing.T) {
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("target")
	env.Apply(widgets)
	definition := kit.Object("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "widgets."+env.Prefix()+".example.com")
	widget := kit.Object("Widget.v1."+env.Prefix()+".example.com", src, "db")
	env.Apply(source(env.Prefix()+".example.com/v1", "Widget", src, "db"))
	km := env.Start()
	env.WaitFor(widget, "is synced", synced)
	km.Kill()
	env.Delete(definition)
	env.Delete(kit.Object("Namespace", "", src))
	env.WaitFor(widget, "is being deleted, and waits", func(o *unstructured.Unstructured) error {
		if o.GetDeletionTimestamp() == nil {
			return fmt.Errorf("it is not being deleted")
		}
		return nil
	})
	out := must(t, "cleanup", run(t, "", binary(t), "cleanup", "--kubeconfig="+admin(t, env)))
	if !strings.Contains(out, widget.Kind+": 1 source released") {
		t.Errorf("it says %q", out)
	}
	env.Within(time.Minute).WaitGone(definition)
	env.Within(time.Minute).WaitGone(kit.Object("Namespace", "", src))
}

func TestCleanupGoesOnWhereATypeIsRefusedAndEndsWithStatusOne(t *testing.T) {
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("target")
	secret, configMap := kit.Object("Secret", src, "db"), kit.Object("ConfigMap", src, "db")
	env.Apply(source("v1", "Secret", src, "db"))
	env.Apply(source("v1", "ConfigMap", src, "db"))
	km := env.Start()
	env.WaitFor(secret, "is synced", synced)
	env.WaitFor(configMap, "is synced", synced)
	km.Stop()
	env.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-secrets-only}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list, update, patch, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: PREFIX-secrets-only}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: PREFIX-secrets-only}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: PREFIX-few}]
`)
	config := kubeconfig(t, env, env.Name("someone"), env.Name("few"))
	mark := env.Mark()
	got := run(t, "", binary(t), "cleanup", "--kubeconfig="+config, "--resource-types=ConfigMap.v1,Secret.v1")
	if got.code != 1 || !strings.Contains(got.out, "ConfigMap.v1: failed: ") || !strings.Contains(got.out, "Secret.v1: 1 source released") ||
		!strings.Contains(got.errors, "run it again") || strings.Count(got.errors, "\n") != 1 {
		t.Errorf("%s", got)
	}
	clean(t, env, secret)
	if err := synced(env.Get(configMap)); err != nil {
		t.Errorf("the refused %s: %v", configMap, err)
	}
	if other := asked(t, env, mark, env.Name("someone")).Where(audit.Filter{Except: []string{"secrets", "configmaps", ""}}); len(other) > 0 {
		t.Errorf("it asked for types that were not named:\n%s", other)
	}
	must(t, "cleanup by one who may", run(t, "", binary(t), "cleanup", "--kubeconfig="+admin(t, env), "--resource-types=ConfigMap.v1"))
	clean(t, env, configMap)
}

func TestCleanupTellsWrongUsageInOneLine(t *testing.T) {
	env := kit.New(t)
	program := binary(t)
	for _, row := range [][2]string{{"--delete-mirrors=maybe", "true or false"}, {"--delete-deployment=x", "namespace/name"}, {"--max-targets=3", "--help"}, {"--source-namespaces=Team_A", "names and globs"}, {"all", "flags only"}} {
		got := run(t, "", program, "cleanup", "--kubeconfig="+admin(t, env), row[0])
		if got.code != 2 || !strings.Contains(got.errors, row[1]) || strings.Count(got.errors, "\n") != 1 {
			t.Errorf("%s: %s", row[0], got)
		}
	}
}

// asked is what a user has asked of the API server since the mark.
func asked(t *testing.T, env *kit.Env, mark audit.Mark, user string) audit.Requests {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	requests, err := env.Audit().Since(ctx, mark, audit.Filter{User: user})
	if err != nil {
		t.Fatal(err)
	}
	return requests
}
