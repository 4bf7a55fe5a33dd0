package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// both are the targets of the text's source.
const both = "team-a,team-b"

// troubles has what makes each section's trouble, and how to see that it is over.
var troubles = map[string]trouble{
	"Why isn't it there?":      {cause: foreign},
	"What do the sources say?": {cause: foreign},

	"The label or the annotation is missing": {cause: func(r *reader) {
		r.Apply(`{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-platform, name: registry, annotations: {kubemirror.raczylo.com/target-namespaces: "PREFIX-team-a,PREFIX-team-b"}}}`)
	}, solved: says("2/2 synced")},

	"Its namespace is not one of the source namespaces": {
		cause: func(r *reader) {
			r.walk.set(r.t, []string{"controller.excludedNamespaces=" + r.Name("team-b"), "controller.sourceNamespaces=" + r.Name("security")})
			registry(r)
		},
		solved: says("2/2 synced"), alone: true,
	},

	"Its type is not mirrored": {cause: registry, values: []string{"controller.resourceTypes={ConfigMap.v1}"}, solved: says("2/2 synced")},

	"A named type is not found": {
		cause: func(r *reader) {
			r.source("apiVersion: networking.k8s.io/v1\nkind: Ingress", "platform", "web", "team-a", "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}")
		},
		values: []string{"controller.resourceTypes={Secret.v1,Ingress.v1}"},
		solved: func(r *reader) {
			r.WaitFor(r.ref("Ingress.v1.networking.k8s.io", "team-a", "web"), "is there", kit.Exists)
		},
	},

	"Discovery does not find a custom resource": {
		cause: func(r *reader) { r.Apply(strings.Replace(widgets, "served: true", "served: false", 1)) },
		solved: func(r *reader) {
			r.source("apiVersion: example.com/v1\nkind: Widget", "platform", "registry", both)
			r.status(r.ref("Widget.v1.example.com", "platform", "registry"), "2/2 synced")
		},
	},

	"RBAC forbids the type": {
		cause: func(r *reader) {
			registry(r)
			r.t.Cleanup(func() { r.Delete(kit.Object("ClusterRole.v1.rbac.authorization.k8s.io", "", "kubemirror-secrets")) })
		},
		values: []string{"rbac.aggregate=true"}, solved: says("2/2 synced"),
	},

	"The server refuses a source's label or annotations": {cause: func(r *reader) {
		r.source(secret, "platform", "registry", "team-a")
		for _, namespace := range []string{"platform", "team-a"} {
			r.Apply(r.own("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: " + namespace + ", name: ann}, " +
				"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]}"))
		}
	}, solved: says("2/2 synced")},

	"no namespace: a name that no namespace has": {cause: func(r *reader) {
		r.source(secret, "platform", "registry", "team-b,team-c")
	}, solved: says("2/2 synced")},

	"A namespace refuses mirrors": {cause: func(r *reader) {
		r.Label(kit.Object("Namespace", "", r.Name("team-b")), domain+"allow-mirrors=false")
		r.Annotate(kit.Object("Namespace", "", r.Name("team-b")), domain+"allow-from="+r.Name("security"))
		registry(r)
		r.status(r.registry(), "1/1 synced")
	}, solved: says("2/2 synced")},

	"A namespace's word can't be read": {cause: func(r *reader) {
		// A policy refuses it today; it may have been there before. One that was taken away
		// goes on for a moment.
		r.Eventually("the policy is gone", func(context.Context) error {
			got := run(r.t, "", "kubectl", "--kubeconfig="+r.walk.config, "--dry-run=server", "label", "namespace", r.Name("team-b"), domain+"allow-mirrors=False", "--overwrite")
			if got.errors != "" {
				return errors.New(got.errors)
			}
			return nil
		})
		r.Apply(r.own("{apiVersion: v1, kind: Namespace, metadata: {name: team-b, labels: {kubemirror.raczylo.com/allow-mirrors: 'False'}}}"))
		registry(r)
	}, values: []string{"policies.namespaces.enabled=false"}, solved: says("2/2 synced")},

	`"all-labeled" does nothing`: {cause: func(r *reader) {
		r.source(secret, "platform", "registry", "all-labeled")
	}, solved: func(r *reader) {
		for _, namespace := range []string{"team-a", "team-b"} {
			r.WaitFor(r.ref("Secret", namespace, "registry"), "is there", kit.Exists)
		}
	}},

	"refused: it may not be a source": {cause: func(r *reader) {
		r.Apply(`{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: PREFIX-platform, name: registry}}`)
		r.source(secret, "platform", "registry", both, "    kubernetes.io/service-account.name: registry", "type: kubernetes.io/service-account-token")
	}, solved: says("")},

	"stopped: an annotation can't be read": {cause: func(r *reader) {
		r.source(secret, "platform", "registry", "team-a", `    kubemirror.raczylo.com/target-selector: "team in (a,-b)"`) // more broken, and it is refused at once
	}, solved: says("1/1 synced")},

	"Over the maximum targets": {cause: registry, values: []string{"controller.maxTargets=1"}, solved: says("2/2 synced")},

	`"is there and is no mirror of this source"`: {cause: foreign, solved: says("2/2 synced")},

	`"is there as the mirror of another source"`: {cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
		r.source(secret, "security", "registry", "team-b")
	}, solved: func(r *reader) {
		r.status(r.ref("Secret", "security", "registry"), "1/1 synced")
		r.Get(r.ref("Secret", "team-b", "security-registry"))
		r.status(r.registry(), "2/2 synced")
	}},

	"transform: a rule fails": {cause: func(r *reader) {
		r.source(secret, "platform", "registry", both, `    kubemirror.raczylo.com/transform: 'rules: [{path: data.url, template: "https://{{.Labels.region}}.example.com"}]'`)
	}, solved: says("2/2 synced")},

	"forbidden: a quota is full": {cause: fullQuota, solved: says("2/2 synced")},

	"the server answered 500: a webhook fails": {cause: func(r *reader) {
		r.Apply(r.own(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard.example.com}
webhooks:
  - name: guard.example.com
    rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets]}]
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: team-b}}
    clientConfig: {service: {namespace: tools, name: guard}, caBundle: ""}
    failurePolicy: Fail
    sideEffects: None
    admissionReviewVersions: [v1]
`))
		r.refused("create", r.own("guard.example.com"), "-n", r.Name("team-b"), "create", "secret", "generic", "other")
		registry(r)
	}, solved: says("2/2 synced")},

	"Nobody is known to have written the source": {values: []string{"policies.authors.enabled=true"}, cause: func(r *reader) {
		r.stamps()
		r.sourceBy("system:kube-controller-manager", controlplane.Admins) // who is nobody's author
	}, solved: says("2/2 synced")},

	`"its author may not"`: {values: []string{"policies.authors.enabled=true"}, cause: func(r *reader) {
		r.stamps()
		for _, namespace := range []string{"platform", "team-a", "team-b"} {
			r.Apply(r.own("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: " + namespace + ", name: ann}, " +
				"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]}"))
		}
		r.Label(kit.Object("Namespace", "", r.Name("team-b")), domain+"allow-mirrors=false")
		r.sourceBy("ann")
		r.status(r.registry(), "1/1 synced")
		r.Delete(r.ref("RoleBinding.v1.rbac.authorization.k8s.io", "team-b", "ann"))
		r.Label(kit.Object("Namespace", "", r.Name("team-b")), domain+"allow-mirrors-")
	}, solved: says("2/2 synced")},

	"It is paused": {cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
		r.Annotate(r.registry(), domain+"paused=true")
		r.Patch(r.registry(), `{"stringData":{"password":"new"}}`)
	}, solved: func(r *reader) {
		r.WaitFor(r.ref("Secret", "team-b", "registry"), "follows its source", hasPassword)
		r.status(r.registry(), "2/2 synced")
	}},

	"the server finds it invalid: an immutable field": {cause: func(r *reader) {
		r.source("apiVersion: apps/v1\nkind: Deployment", "platform", "web", "team-a", `
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web, tier: front}}, spec: {containers: [{name: web, image: web}]}}
`)
		web := r.ref("Deployment.v1.apps", "platform", "web")
		r.status(web, "1/1 synced")
		r.Annotate(web, domain+"transform=rules: [{path: spec.selector.matchLabels.tier, value: front, optional: true}]")
	}, solved: func(r *reader) { r.status(r.ref("Deployment.v1.apps", "platform", "web"), "1/1 synced") }},

	"Somebody keeps changing the mirror back": {cause: syncTool, solved: says("2/2 synced")},

	"The source is gone and its mirrors remain": {alone: true, cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
		must(r.t, "stop kubemirror", r.enter("kubectl -n kubemirror-system scale deployment kubemirror --replicas=0"))
		r.walk.roll(r.t)
		r.Delete(r.registry())
		r.Patch(r.registry(), `{"metadata":{"finalizers":null}}`)
	}, solved: func(r *reader) {
		r.WaitGone(r.ref("Secret", "team-a", "registry"))
		r.WaitGone(r.ref("Secret", "team-b", "registry"))
	}},

	"A mirror was deleted though its source did not give it up": {cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
		r.Label(kit.Object("Namespace", "", r.Name("team-b")), domain+"allow-mirrors=false")
		r.WaitGone(r.ref("Secret", "team-b", "registry"))
	}, solved: says("2/2 synced")},

	// As who restores a backup would be: everybody else is refused by the policy on forgeries.
	"Copies of mirrors, and what others make of them": {values: []string{"policies.trustedGroups={system:masters}"}, cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
		refusesForgeries(r.t, r.Env, false)
		copied := r.Get(r.ref("Secret", "team-a", "registry"))
		copied.SetName("exported")
		copied.SetResourceVersion("")
		copied.SetUID("")
		copied.SetManagedFields(nil)
		text, err := copied.MarshalJSON()
		if err != nil {
			r.t.Fatal(err)
		}
		r.Apply(string(text))
	}, solved: func(r *reader) {
		r.Get(r.ref("Secret", "team-a", "registry"))
		r.status(r.registry(), "2/2 synced")
	}},

	"Mirrors remain after uninstalling": {alone: true, cause: uninstalled, solved: func(r *reader) {
		if left := r.List("Secret", "", domain+"mirror=true"); len(left) > 0 {
			r.t.Errorf("%d mirrors are left", len(left))
		}
	}},

	"Mirrors carry labels or annotations that they should not": {alone: true, cause: func(r *reader) {
		registry(r)
		r.Label(r.registry(), r.own("tool.example.com/instance=registry"))
		r.WaitFor(r.ref("Secret", "team-a", "registry"), "has the label", func(o *unstructured.Unstructured) error {
			if o.GetLabels()[r.own("tool.example.com/instance")] == "" {
				return errors.New("it has not")
			}
			return nil
		})
	}, solved: func(r *reader) {
		r.WaitFor(r.ref("Secret", "team-a", "registry"), "has no such label", func(o *unstructured.Unstructured) error {
			if len(o.GetLabels()) != 2 {
				return fmt.Errorf("its labels are %v", o.GetLabels())
			}
			return nil
		})
	}},

	"A source stays in deletion": {cause: kept, solved: func(r *reader) {
		r.Within(2 * time.Minute).WaitGone(r.registry())
	}},

	"A source that is not looked at any more stays in deletion": {alone: true, cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
		r.walk.set(r.t, []string{"controller.resourceTypes={ConfigMap.v1}"})
		r.Delete(r.registry())
	}, solved: func(r *reader) {
		r.Within(time.Minute).WaitGone(r.registry())
	}},

	"A source or its namespace stays in deletion, and KubeMirror is gone": {alone: true, cause: func(r *reader) {
		uninstalled(r)
		r.Delete(kit.Object("Namespace", "", r.Name("platform")))
	}, solved: func(r *reader) {
		r.Within(time.Minute).WaitGone(kit.Object("Namespace", "", r.Name("platform")))
	}},

	"KubeMirror does not run": {alone: true, cause: func(r *reader) {
		must(r.t, "stop kubemirror", r.enter("kubectl -n kubemirror-system scale deployment kubemirror --replicas=0"))
		r.walk.roll(r.t)
		registry(r)
	}, solved: says("2/2 synced")},

	"Its Pods end at once": {values: []string{"extraArgs={--transform-max-rule=20}"}, cause: registry, solved: says("2/2 synced")},

	"Helm says that a ClusterRole exists": {alone: true, cause: func(r *reader) {
		uninstalled(r)
		r.Apply("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: kubemirror-types}, rules: []}")
	}, solved: func(r *reader) {
		r.Patch(r.registry(), `{"stringData":{"password":"new"}}`)
		r.WaitFor(r.ref("Secret", "team-b", "registry"), "follows its source", hasPassword)
	}},

	"The API server is busy with it": {alone: true, cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
	}, solved: func(r *reader) {
		if out := r.enter("kubectl -n kubemirror-system get deployment kubemirror -o yaml").out; !strings.Contains(out, "--rate-limit-qps=10\n") {
			r.t.Errorf("its rate is not lowered: %s", out)
		}
		r.walk.km.WaitReady()
	}},

	"Logs": {alone: true, cause: func(r *reader) {
		registry(r)
		r.status(r.registry(), "2/2 synced")
	}, solved: says("2/2 synced")},

	"Metrics": {cause: func(r *reader) { registry(r) }},

	"Rights": {},

	"Discovery": {alone: true},
}

// hasPassword is the check of a mirror that has followed its source.
func hasPassword(o *unstructured.Unstructured) error {
	if _, there, _ := unstructured.NestedString(o.Object, "data", "password"); !there {
		return errors.New("it has no password yet")
	}
	return nil
}

// registry is the text's source.
func registry(r *reader) { r.source(secret, "platform", "registry", both) }

// stamps waits until authors are stamped.
func (r *reader) stamps() {
	r.t.Helper()
	r.Eventually("authors are stamped", func(context.Context) error {
		got := run(r.t, r.own(registryOf), "kubectl", "--kubeconfig="+r.walk.config, "create", "--dry-run=server", "-ojson", "-f-")
		if !strings.Contains(got.out, authorKey) {
			return fmt.Errorf("not yet: %s", got)
		}
		return nil
	})
}

// sourceBy has a user make the text's source.
func (r *reader) sourceBy(user string, groups ...string) {
	r.t.Helper()
	must(r.t, "make a source as "+user, run(r.t, r.own(registryOf), "kubectl", "--kubeconfig="+kubeconfig(r.t, r.Env, user, groups...), "create", "-f-"))
}

const registryOf = `
apiVersion: v1
kind: Secret
metadata:
  namespace: platform
  name: registry
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: "team-a,team-b"}
`

// foreign is the same with something else in the way.
func foreign(r *reader) {
	r.Apply("{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-team-b, name: registry}}")
	registry(r)
}

// refused waits until the server refuses a command for a reason: what refuses takes
// effect a moment after it is made.
func (r *reader) refused(verb, reason string, args ...string) {
	r.t.Helper()
	args = append([]string{"--kubeconfig=" + r.walk.config, "--dry-run=server"}, args...)
	r.Eventually(verb+" is refused", func(context.Context) error {
		if got := run(r.t, "", "kubectl", args...); !strings.Contains(got.errors, reason) {
			return fmt.Errorf("it is not: %s", got)
		}
		return nil
	})
}

// fullQuota has a quota in the way, and does for it what its controller would: it
// makes what is asked for what holds.
func fullQuota(r *reader) {
	quota := r.ref("ResourceQuota", "team-b", "objects")
	r.Apply(`{apiVersion: v1, kind: ResourceQuota, metadata: {namespace: PREFIX-team-b, name: objects}, spec: {hard: {count/secrets: "0"}}}`)
	settle := func(hard string) {
		must(r.t, "settle the quota", run(r.t, "", "kubectl", "--kubeconfig="+r.walk.config, "-n", quota.Namespace, "patch", "resourcequota", quota.Name,
			"--subresource=status", "--type=merge", "-p", fmt.Sprintf(`{"status":{"hard":{"count/secrets":%q},"used":{"count/secrets":"0"}}}`, hard)))
	}
	settle("0")
	r.refused("create", "exceeded quota", "-n", quota.Namespace, "create", "secret", "generic", "other")
	registry(r)
	raised := func() bool {
		hard, _, _ := unstructured.NestedString(r.Get(quota).Object, "spec", "hard", "count/secrets")
		return hard != "0"
	}
	r.background(50*time.Millisecond, func() bool {
		if raised() {
			settle("20")
			return false
		}
		return true
	})
}

// background does something again and again, until it says that it is done or the
// section has been followed.
func (r *reader) background(pause time.Duration, do func() bool) {
	end, ended := make(chan struct{}), make(chan struct{})
	r.t.Cleanup(func() { close(end); <-ended })
	go func() {
		defer close(ended)
		for do() {
			select {
			case <-end:
				return
			case <-time.After(pause):
			}
		}
	}()
}

// syncTool changes a mirror back for as long as its Deployment has replicas.
func syncTool(r *reader) {
	r.Namespace("tools")
	r.Apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: PREFIX-tools, name: sync-tool}
spec:
  replicas: 1
  selector: {matchLabels: {app: sync-tool}}
  template: {metadata: {labels: {app: sync-tool}}, spec: {containers: [{name: sync-tool, image: sync-tool}]}}
`)
	r.source(secret, "platform", "registry", both, "stringData: {password: right}")
	r.status(r.registry(), "2/2 synced")
	r.background(100*time.Millisecond, func() bool {
		replicas, _, _ := unstructured.NestedInt64(r.Get(r.ref("Deployment.v1.apps", "tools", "sync-tool")).Object, "spec", "replicas")
		if replicas > 0 {
			run(r.t, "", "kubectl", "--kubeconfig="+r.walk.config, "-n", r.Name("team-b"), "patch", "secret", "registry",
				"--field-manager=sync-tool", "--type=merge", "-p", `{"stringData":{"password":"wrong"}}`)
		}
		return replicas > 0
	})
}

// kept has a mirror that nobody may delete, and its source deleted.
func kept(r *reader) {
	registry(r)
	r.status(r.registry(), "2/2 synced")
	r.Apply(r.own(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: keep.example.com}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: team-b}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [DELETE], resources: [secrets]}]
  validations: [{expression: "false"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: keep.example.com}
spec: {policyName: keep.example.com, validationActions: [Deny]}
`))
	r.refused("delete", r.own("keep.example.com"), "-n", r.Name("team-b"), "delete", "secret", "registry")
	r.Delete(r.registry())
}

// uninstalled is what is left when the chart is taken away without its cleanup.
func uninstalled(r *reader) {
	registry(r)
	r.status(r.registry(), "2/2 synced")
	r.walk.km.Stop() // or it can't release its lease, and the next one waits
	must(r.t, "uninstall", r.enter("helm uninstall kubemirror --namespace kubemirror-system --no-hooks"))
	r.walk.roll(r.t)
}
