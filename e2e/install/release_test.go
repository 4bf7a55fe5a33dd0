package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestTheControllerIsRefusedNothingAndNoRightOfItsTypesGoesUnused(t *testing.T) {
	env := kit.New(t)
	system, src, target := "system-"+env.Prefix(), env.Namespace("src"), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	env.Apply(widgets)
	group := env.Prefix() + ".example.com"
	release(t, env, system, "--set=controller.resourceTypes={Secret.v1,ConfigMap.v1,Widget.v1."+group+"}", "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	mark := env.Mark()
	km := start(t, env, system)
	for _, r := range []kit.Ref{kit.Object("Secret", src, "db"), kit.Object("ConfigMap", src, "db"), kit.Object("Widget.v1."+group, src, "db")} {
		apiVersion, kind := "v1", r.Kind
		if strings.HasSuffix(kind, group) {
			apiVersion, kind = group+"/v1", "Widget"
		}
		env.Apply("{apiVersion: " + apiVersion + ", kind: " + kind + ", metadata: {namespace: " + target + ", name: db}}")
		env.Apply(source(apiVersion, kind, src, "db"))
		env.WaitForEvent(r, "ForeignObject", "")
		env.Delete(r.In(target))
		env.WaitFor(r, "is synced", synced)
		t.Log("another replica takes over")
		next := launch(t, env, system)
		km.Stop()
		km = next
		env.Patch(r, `{"immutable":false}`)
		env.WaitFor(r.In(target), "follows its source", func(o *unstructured.Unstructured) error {
			if _, there := o.Object["immutable"]; !there {
				return fmt.Errorf("it does not")
			}
			return nil
		})
		// Off the label, the source is out of sight, and asked for by its name.
		env.Label(r, domain+"enabled-")
		env.WaitGone(r.In(target))
		env.Label(r, domain+"enabled=true")
		env.Annotate(r, domain+"transform=rules") // which admission can't tell
		env.WaitForEvent(r, "InvalidAnnotation", "")
		env.Delete(r)
		env.WaitGone(r)
	}
	km.Stop()
	used := map[string][]string{}
	for _, request := range asked(t, env, mark, km.User) {
		if slices.Contains([]int{400, 401, 403, 405, 422}, request.Code) {
			t.Errorf("the server answered %d to %s", request.Code, request)
		}
		if !slices.Contains(used[request.Resource], request.Verb) {
			used[request.Resource] = append(used[request.Resource], request.Verb)
		}
	}
	for resource, verbs := range granted(t, env, system) {
		for _, verb := range verbs {
			// A list is part of a watch where the server streams it.
			if !slices.Contains(used[resource], verb) && (verb != "list" || !slices.Contains(used[resource], "watch")) {
				t.Errorf("the right to %s %s went unused", verb, resource)
			}
		}
	}
}

// granted has the verbs for each resource that the chart's roles grant.
func granted(t *testing.T, env *kit.Env, namespace string) map[string][]string {
	t.Helper()
	verbs := map[string][]string{}
	for _, role := range []kit.Ref{
		kit.Object("ClusterRole.v1.rbac.authorization.k8s.io", "", "kubemirror"),
		kit.Object("ClusterRole.v1.rbac.authorization.k8s.io", "", "kubemirror-types"),
		kit.Object("Role.v1.rbac.authorization.k8s.io", namespace, "kubemirror"),
	} {
		rules, _, _ := unstructured.NestedSlice(env.Get(role).Object, "rules")
		for _, rule := range rules {
			fields := rule.(map[string]any)
			for _, resource := range fields["resources"].([]any) {
				for _, verb := range fields["verbs"].([]any) {
					verbs[resource.(string)] = append(verbs[resource.(string)], verb.(string))
				}
			}
		}
	}
	if len(verbs) < 8 {
		t.Fatalf("the chart grants only %v", verbs)
	}
	return verbs
}

func TestAReleaseThatIsUninstalledLeavesNothingThatHoldsUpADeletion(t *testing.T) {
	for _, row := range []struct {
		says    string
		flags   []string
		mirrors bool
	}{
		{"mirrors stay", nil, true},
		{"mirrors go where that is asked for, though nobody else may delete them", []string{"--set=cleanup.deleteMirrors=true", "--set=policies.mirrors.enabled=true"}, false},
	} {
		t.Run(row.says, func(t *testing.T) {
			env := kit.New(t)
			system, src, target := "system-"+env.Prefix(), env.Namespace("src"), env.Namespace("target")
			env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
			env.Apply(widgets)
			definition := kit.Object("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "widgets."+env.Prefix()+".example.com")
			refs := []kit.Ref{kit.Object("Secret", src, "db"), kit.Object("Widget.v1."+env.Prefix()+".example.com", src, "db")}
			release(t, env, system, append(row.flags, "--set=controller.includedNamespaces="+env.Prefix()+"-*")...)
			km := start(t, env, system)
			env.Apply(source("v1", "Secret", src, "db"))
			env.Apply(source(env.Prefix()+".example.com/v1", "Widget", src, "db"))
			for _, r := range refs {
				env.WaitFor(r, "is synced", synced)
			}
			km.Stop()

			uninstalled := make(chan outcome, 1)
			config := admin(t, env)
			go func() {
				uninstalled <- helm(t, "uninstall", "kubemirror", "--namespace="+system, "--kubeconfig="+config, "--timeout=2m")
			}()
			out := runJob(t, env, system, "kubemirror-cleanup")
			must(t, "uninstall", <-uninstalled)
			if !strings.Contains(out, "deleted, and its Pods are gone") || !strings.Contains(out, "1 source released") {
				t.Errorf("the Job says %q", out)
			}
			for _, r := range refs {
				clean(t, env, r)
				if there := env.Find(r.In(target)) != nil; there != row.mirrors {
					t.Errorf("the mirror %s: there: %v", r.In(target), there)
				}
			}
			for _, kind := range []string{"Deployment.v1.apps", "Job.v1.batch", "ServiceAccount", "Role.v1.rbac.authorization.k8s.io", "RoleBinding.v1.rbac.authorization.k8s.io"} {
				for _, o := range env.List(kind, system, "app.kubernetes.io/name=kubemirror") {
					t.Errorf("%s %s is left", kind, o.GetName())
				}
			}
			for _, kind := range []string{"ClusterRole.v1.rbac.authorization.k8s.io", "ClusterRoleBinding.v1.rbac.authorization.k8s.io"} {
				for _, o := range env.List(kind, "", "app.kubernetes.io/name=kubemirror") {
					t.Errorf("%s %s is left", kind, o.GetName())
				}
			}
			env.Delete(kit.Object("Namespace", "", src))
			env.Delete(definition)
			env.Within(time.Minute).WaitGone(kit.Object("Namespace", "", src))
			env.Within(time.Minute).WaitGone(definition)
		})
	}
}

// runJob does for the Job what its controller and a node would do: it runs the
// Pod's program as the Pod's account, and says how that ended. It returns what the
// program said.
func runJob(t *testing.T, env *kit.Env, namespace, name string) string {
	r := kit.Object("Job.v1.batch", namespace, name)
	job := &batchv1.Job{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(env.WaitFor(r, "is there", kit.Exists).Object, job); err != nil {
		t.Fatal(err)
	}
	begun := time.Now().UTC().Format(time.RFC3339)
	pod := job.Spec.Template.Spec
	said := must(t, "the Job's program", run(t, "", binary(t), append(slices.Clone(pod.Containers[0].Args), "--kubeconfig="+account(t, env, namespace, pod.ServiceAccountName))...))
	endJob(t, env, r, begun, "succeeded", "SuccessCriteriaMet", "Complete")
	return said
}

// endJob says that a Job has ended, and how, as its controller would.
func endJob(t *testing.T, env *kit.Env, r kit.Ref, begun, count string, conditions ...string) {
	t.Helper()
	ended := time.Now().UTC().Format(time.RFC3339)
	status := map[string]any{"startTime": begun, count: 1}
	var list []any
	for _, kind := range conditions {
		list = append(list, map[string]any{"type": kind, "status": "True", "reason": "Tested", "lastProbeTime": ended, "lastTransitionTime": ended})
	}
	status["conditions"] = list
	if count == "succeeded" {
		status["completionTime"] = ended
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	must(t, "say that the Job has ended", run(t, "", "kubectl", "--kubeconfig="+admin(t, env), "-n", r.Namespace,
		"patch", "job", r.Name, "--subresource=status", "--type=merge", "-p", string(patch)))
}

func TestAnUninstallationWhoseCleanupFailsLeavesTheReleaseAndCanBeRunAgain(t *testing.T) {
	env := kit.New(t)
	system, src := "system-"+env.Prefix(), env.Namespace("src")
	env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system)
	env.Apply(source("v1", "Secret", src, "db"))
	km := start(t, env, system)
	env.WaitFor(kit.Object("Secret", src, "db"), "is synced", synced)
	km.Stop()
	config := admin(t, env)
	uninstall := func() chan outcome {
		ended := make(chan outcome, 1)
		go func() {
			ended <- helm(t, "uninstall", "kubemirror", "--namespace="+system, "--kubeconfig="+config, "--timeout=1m")
		}()
		return ended
	}
	job := kit.Object("Job.v1.batch", system, "kubemirror-cleanup")
	failing := uninstall()
	first := env.WaitFor(job, "is there", kit.Exists).GetUID()
	endJob(t, env, job, time.Now().UTC().Format(time.RFC3339), "failed", "FailureTarget", "Failed")
	if got := <-failing; got.code == 0 || !strings.Contains(got.errors, "kubemirror-cleanup") {
		t.Errorf("the uninstallation whose Job failed: %s", got)
	}
	env.Get(kit.Object("Deployment.v1.apps", system, "kubemirror"))
	env.Get(job) // so that its log can be read

	again := uninstall()
	env.WaitFor(job, "is another one", func(o *unstructured.Unstructured) error {
		if o.GetUID() == first {
			return errors.New("it is the one that failed")
		}
		return nil
	})
	runJob(t, env, system, "kubemirror-cleanup")
	must(t, "uninstall again", <-again)
	clean(t, env, kit.Object("Secret", src, "db"))
}

func TestTypesThatAreNotListedAreLeftAlone(t *testing.T) {
	env := kit.New(t)
	system, src, target := "system-"+env.Prefix(), env.Namespace("src"), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--values="+path(t, "charts", "kubemirror", "values-multi-tenant.yaml"), "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	env.Apply(source("v1", "ConfigMap", src, "db"))
	env.Apply(source("v1", "Service", src, "db") + "spec: {ports: [{port: 80}]}\n")
	mark := env.Mark()
	km := start(t, env, system)
	env.WaitFor(kit.Object("ConfigMap", src, "db"), "is synced", synced)
	if env.Find(kit.Object("Service", target, "db")) != nil {
		t.Error("a Service is mirrored, and only Secrets and ConfigMaps are listed")
	}
	if others := asked(t, env, mark, km.User).Where(audit.Filter{Resources: []string{"services"}}); len(others) > 0 {
		t.Errorf("it asked for Services:\n%s", others)
	}

	for _, request := range asked(t, env, mark, km.User) {
		if request.Code == 403 {
			t.Errorf("the server refused %s", request)
		}
	}

	t.Log("no source goes beyond 50 targets")
	for i := range 51 {
		env.Namespace(fmt.Sprintf("target%d", i))
	}
	env.WaitFor(kit.Object("ConfigMap", src, "db"), "is at its limit", func(o *unstructured.Unstructured) error {
		if status := o.GetAnnotations()[domain+"sync-status"]; !strings.HasPrefix(status, "50/52 synced: ") {
			return fmt.Errorf("its status is %q", status)
		}
		return nil
	})
	if n := len(env.List("ConfigMap", "", domain+"mirror=true")); n != 50 {
		t.Errorf("it has %d mirrors", n)
	}
}

func TestTheDevelopmentValuesRunOnePodWithoutALease(t *testing.T) {
	env := kit.New(t)
	system, src := "system-"+env.Prefix(), env.Namespace("src")
	env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--values="+path(t, "charts", "kubemirror", "values-development.yaml"), "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	d := deployment(t, env.Get(kit.Object("Deployment.v1.apps", system, "kubemirror")))
	if *d.Spec.Replicas != 1 || d.Spec.Strategy.Type != "Recreate" {
		t.Errorf("it runs %d Pods, replaced by %s", *d.Spec.Replicas, d.Spec.Strategy.Type)
	}
	env.Apply(source("v1", "Secret", src, "db"))
	km := start(t, env, system)
	env.WaitFor(kit.Object("Secret", src, "db"), "is synced", synced)
	if leases := env.List("Lease.v1.coordination.k8s.io", system, ""); len(leases) > 0 {
		t.Errorf("there is a lease %s", leases[0].GetName())
	}
	if code := km.Stop(); code != 0 {
		t.Errorf("it ended with status %d", code)
	}
}

func TestTheHighThroughputValuesLiftTheLimits(t *testing.T) {
	env := kit.New(t)
	system, src := "system-"+env.Prefix(), env.Namespace("src")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--values="+path(t, "charts", "kubemirror", "values-high-throughput.yaml"), "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	for i := range 201 {
		env.Namespace(fmt.Sprintf("target%d", i))
	}
	env.Apply(source("v1", "Secret", src, "db"))
	km := start(t, env, system)
	env.WaitFor(kit.Object("Secret", src, "db"), "is at its limit", func(o *unstructured.Unstructured) error {
		if status := o.GetAnnotations()[domain+"sync-status"]; !strings.HasPrefix(status, "200/201 synced: ") {
			return fmt.Errorf("its status is %q", status)
		}
		return nil
	})
	if argument := "--worker-threads=20"; !slices.Contains(deployment(t, env.Get(kit.Object("Deployment.v1.apps", system, "kubemirror"))).Spec.Template.Spec.Containers[0].Args, argument) {
		t.Errorf("its arguments lack %s", argument)
	}
	km.Stop()
}

func TestARoleOfAnotherChartAddsItsTypes(t *testing.T) {
	env := kit.New(t)
	system, src, target := "system-"+env.Prefix(), env.Namespace("src"), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	env.Apply(widgets)
	widget := "Widget.v1." + env.Prefix() + ".example.com"
	env.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: PREFIX-widgets
  labels: {kubemirror.raczylo.com/aggregate-to-kubemirror: "true"}
rules: [{apiGroups: [PREFIX.example.com], resources: [widgets], verbs: [get, list, watch, create, update, patch, delete]}]
`)
	release(t, env, system, "--set=rbac.aggregate=true", "--set=controller.resourceTypes={Secret.v1,"+widget+"}", "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	env.Eventually("the role has both types", func(context.Context) error {
		rules := fmt.Sprint(env.Get(kit.Object("ClusterRole.v1.rbac.authorization.k8s.io", "", "kubemirror-types")).Object["rules"])
		if !strings.Contains(rules, "widgets") || !strings.Contains(rules, "secrets") || strings.Contains(rules, "*") {
			return fmt.Errorf("its rules are %s", rules)
		}
		return nil
	})
	start(t, env, system)
	env.Apply(source(env.Prefix()+".example.com/v1", "Widget", src, "db"))
	env.WaitFor(kit.Object(widget, target, "db"), "is there", kit.Exists)

	// A role that the server writes may come back while Helm deletes it.
	must(t, "have Helm write the role again", helm(t, "upgrade", "kubemirror", path(t, "charts", "kubemirror"), "--namespace="+system,
		"--kubeconfig="+admin(t, env), "--reset-values", "--force-conflicts"))
}
