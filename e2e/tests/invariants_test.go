package tests

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// The invariants of the design, each on the real API server. Those that take a
// server that fails stand in the package outages.

func TestI1NothingForeignIsTouched(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "db")
	plain := kit.Object("Secret", env.Namespace("plain"), "db")
	labelled := kit.Object("Secret", env.Namespace("labelled"), "db")
	another := kit.Object("Secret", env.Namespace("another"), "db")
	free := kit.Object("Secret", env.Namespace("free"), "db")
	env.Apply(`{apiVersion: v1, kind: Secret, metadata: {name: db, namespace: PREFIX-plain}, stringData: {key: theirs}}`)
	env.Apply(`{apiVersion: v1, kind: Secret, metadata: {name: db, namespace: PREFIX-labelled, labels: {kubemirror.raczylo.com/mirror: "true"}}, stringData: {key: theirs}}`)
	other := kit.Object("Secret", src.Namespace, "other")
	env.Apply(source(other, "target-namespaces=PREFIX-another", "target-name=db"))
	env.Start("--resource-types=Secret.v1")
	env.WaitFor(another, "is the other source's mirror", kit.Exists)
	before := map[kit.Ref]string{}
	for _, r := range []kit.Ref{plain, labelled, another} {
		before[r] = env.Get(r).GetResourceVersion()
	}

	env.Apply(source(src, "target-namespaces=PREFIX-*"))
	env.WaitFor(src, "tells of those in the way", statusHolds("1/4 synced", env.Name("plain"), env.Name("labelled"), env.Name("another")))
	env.Apply(kit.Source(src, "changed", "target-namespaces=PREFIX-*"))
	env.WaitFor(free, "has changed", hasData("changed"))
	env.Delete(src)
	env.WaitGone(src)
	env.WaitGone(free)
	for r, version := range before {
		if got := env.Get(r).GetResourceVersion(); got != version {
			t.Errorf("%s was written to: resource version %s, was %s", r, got, version)
		}
	}
}

func TestI3AtRestAndAtRestartNothingIsWritten(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	for i := range 8 {
		env.Namespace(fmt.Sprintf("n%d", i))
	}
	env.Apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: taken, namespace: PREFIX-n1}}`)
	sources := map[string]string{
		"plain":    source(kit.Object(configMap, src, "plain"), "target-namespaces=PREFIX-n*"),
		"limited":  source(kit.Object(configMap, src, "limited"), "target-namespaces=PREFIX-n*", "max-targets=3"),
		"renamed":  source(kit.Object(configMap, src, "renamed"), "target-namespaces=PREFIX-n*", "target-name=other"),
		"taken":    source(kit.Object(configMap, src, "taken"), "target-namespaces=PREFIX-n*"),
		"nowhere":  source(kit.Object(configMap, src, "nowhere"), "target-namespaces=PREFIX-x*"),
		"broken":   source(kit.Object(configMap, src, "broken"), "target-selector==="),
		"baditem":  source(kit.Object(configMap, src, "baditem"), "target-namespaces=PREFIX-n2,Bad_Item"),
		"paused":   source(kit.Object(configMap, src, "paused"), "target-namespaces=PREFIX-n*", "paused=true"),
		"changing": source(kit.Object(configMap, src, "changing"), "target-namespaces=PREFIX-n*", "transform=rules: [{path: data.ns, optional: true, template: '{{.TargetNamespace}}'}]"),
	}
	km := env.Start("--resource-types=Secret.v1,ConfigMap.v1")
	for name, text := range sources {
		env.Apply(text)
		env.WaitFor(kit.Object(configMap, src, name), "has a status", statusHolds(""))
	}
	env.WaitFor(kit.Object(configMap, src, "changing"), "is done", kit.HasStatus("8/8 synced"))
	km.WaitQuiet(3 * time.Second)

	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	mark := env.Mark()
	again := env.Start("--resource-types=Secret.v1,ConfigMap.v1")
	again.WaitQuiet(3 * time.Second)
	if writes := again.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("a restart on what is as it should be wrote:\n%s", writes)
	}
}

func TestI4EachChangeIsOneWriteAndReadsOnlyWhatSomebodyElseWrote(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "db")
	const targets = 20
	for i := range targets {
		env.Namespace(fmt.Sprintf("n%02d", i))
	}
	km := env.Start("--resource-types=Secret.v1")
	other := kit.Object("Secret", src.Namespace, "other")
	env.Apply(source(other, "target-namespaces=PREFIX-n00"))
	env.WaitFor(other, "is done", kit.HasStatus("1/1 synced"))
	km.WaitQuiet(time.Second)

	mostReads := 0
	count := func(what string, want int, change func()) {
		t.Helper()
		mark := env.Mark()
		change()
		km.WaitQuiet(time.Second)
		requests := km.Since(mark)
		writes, reads := requests.Where(audit.Filter{Verbs: audit.Writes}), requests.Where(audit.Filter{Verbs: audit.Reads})
		if len(writes) != want || len(reads) > mostReads {
			t.Errorf("%s: %d writes and %d reads, want %d and at most %d:\n%s", what, len(writes), len(reads), want, mostReads, requests)
		}
	}
	last := kit.Object("Secret", env.Name("n19"), "db")
	count("a new source: its mirrors, its finalizer, its status", targets+2, func() {
		env.Apply(source(src, "target-namespaces=PREFIX-n*"))
		env.WaitFor(src, "is done", kit.HasStatus("20/20 synced"))
	})
	count("a changed source: its mirrors", targets, func() {
		env.Apply(kit.Source(src, "changed", "target-namespaces=PREFIX-n*"))
		env.WaitFor(last, "has changed", hasData("changed"))
	})
	mostReads = 1 // of what somebody wrote: that it is other than ours is not seen before
	count("drift: the mirror", 1, func() {
		env.Patch(last, `{"stringData":{"key":"tampered"}}`)
		env.WaitFor(last, "is right again", hasData("changed"))
	})
	mostReads = 0
	count("a deleted mirror: the mirror", 1, func() {
		env.Delete(last)
		env.WaitFor(last, "is back", hasData("changed"))
	})
	count("a label that says nothing to us on a namespace", 0, func() {
		env.Label(kit.Object("Namespace", "", env.Name("n00")), "team=x")
	})
	mostReads = 1 // of the source: its last finalizer goes by a PUT of the whole
	count("a deleted source: its mirrors, its finalizer", targets+1, func() {
		env.Delete(src)
		env.WaitGone(src)
	})
	for _, o := range env.List("Secret", "", domain+"mirror=true") {
		if o.GetName() == "db" && strings.HasPrefix(o.GetNamespace(), env.Prefix()) {
			t.Errorf("left behind: %s/%s", o.GetNamespace(), o.GetName())
		}
	}
}

func TestI6MirrorsCostNoMoreMemoryForTheirSize(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "large")
	const targets, size = 60, 700 << 10
	for i := range targets {
		env.Namespace(fmt.Sprintf("n%02d", i))
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=1000")
	env.Apply(kit.Source(src, strings.Repeat("x", size), "target-namespaces=PREFIX-n*"))
	env.WaitFor(src, "is done", kit.HasStatus("60/60 synced"))
	km.Stop()
	again := env.Start("--resource-types=ConfigMap.v1")
	again.WaitQuiet(time.Second)
	// What is live, with garbage of as much again and a few of the objects on their
	// way through: the mirrors' content is 42 MB.
	env.Eventually("the heap is far smaller than the mirrors", func(context.Context) error {
		if heap := again.Metrics().Sum("go_memstats_heap_inuse_bytes"); heap > 25<<20 {
			return fmt.Errorf("%d targets of %d KiB take %.0f MiB of heap", targets, size>>10, heap/(1<<20))
		}
		return nil
	})
}

func TestI7OneBadPartStaysOne(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	for _, name := range []string{"good", "full"} {
		env.Namespace(name)
	}
	env.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-no-secrets}
rules:
- {apiGroups: [""], resources: [configmaps, namespaces], verbs: [get, list, watch]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: ["*"]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create]}
- {nonResourceURLs: ["*"], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: PREFIX-no-secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: PREFIX-no-secrets}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: PREFIX-limited}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-write}
rules: [{apiGroups: [""], resources: [configmaps], verbs: ["*"]}]
`)
	letIn := func(namespace string) {
		env.Apply(fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: write, namespace: PREFIX-%s},
			roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: PREFIX-write},
			subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: PREFIX-limited}]}`, namespace))
	}
	letIn("src")
	letIn("good")
	bad := kit.Object(configMap, src, "bad")
	env.Apply(source(bad, "target-selector===="))
	good := kit.Object(configMap, src, "good")
	env.Apply(source(good, "target-namespaces=PREFIX-*"))
	km := env.Launch(kit.Launch{Groups: []string{env.Prefix() + "-limited"}, Flags: []string{"--resource-types=Secret.v1,ConfigMap.v1"}})
	km.WaitReady() // though Secrets can't be listed
	env.WaitFor(good, "is mirrored where that is possible and says where it isn't", statusHolds("1/2 synced", env.Name("full")))
	env.WaitForEvent(good, "WriteRefused", env.Name("full"))
	env.WaitFor(bad, "says what is wrong", statusHolds("target-selector"))
	env.Eventually("the type that can't be listed is named in a metric and in a log line", func(context.Context) error {
		if km.Metrics().Sum("kubemirror_watch_failing", `resource="secrets"`) != 1 {
			return fmt.Errorf("no metric:\n%s", km.Metrics())
		}
		if !strings.Contains(km.Log(), `resource="secrets"`) {
			return fmt.Errorf("no line")
		}
		return nil
	})
	letIn("full")
	env.WaitFor(good, "is mirrored everywhere once that is possible", kit.HasStatus("2/2 synced"))
}

func TestI9ASecondWriterMeetsBackoff(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "db")
	mirror := kit.Object(configMap, env.Namespace("a"), "db")
	calm := kit.Object(configMap, env.Namespace("b"), "db")
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=PREFIX-*"))
	env.WaitFor(src, "is done", kit.HasStatus("2/2 synced"))

	mark := env.Mark()
	for begin, n := time.Now(), 0; time.Since(begin) < 6*time.Second; n++ {
		env.Patch(mirror, fmt.Sprintf(`{"data":{"key":"theirs-%d"}}`, n))
	}
	env.WaitForEvent(src, "MirrorContested", env.Name("a"))
	env.WaitFor(src, "says so", statusHolds("1/2 synced", env.Name("a")))
	writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Resources: []string{"configmaps"}})
	// Five at once, then after 0.5, 1, 2 and 4 s; and a status.
	if len(writes) > 14 {
		t.Errorf("%d writes in six seconds of fighting", len(writes))
	}
	env.WaitFor(mirror, "is right when the fight is over", hasData("value"))
	if n := len(env.Events(src)); n > 3 {
		t.Errorf("%d events: %v", n, env.Events(src))
	}
	env.Apply(kit.Source(src, "changed", "target-namespaces=PREFIX-*"))
	env.WaitFor(calm, "is mirrored meanwhile", hasData("changed"))
	env.WaitFor(mirror, "takes a change of its source at once", hasData("changed"))
}

func TestI9WhatTheServerMakesOfAMirrorIsAccepted(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "db")
	mirror := kit.Object(configMap, env.Namespace("a", "mutated="+env.Prefix()), "db")
	env.Apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: PREFIX-sidecar}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {mutated: PREFIX}}
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: '[JSONPatch{op: "add", path: "/data/injected", value: "by the server"}, JSONPatch{op: "add", path: "/metadata/labels/injected", value: "yes"}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: PREFIX-sidecar}
spec: {policyName: PREFIX-sidecar}
`)
	probe := kit.Object(configMap, env.Name("a"), "probe")
	env.Eventually("the policy is at work", func(context.Context) error {
		env.Apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: probe, namespace: PREFIX-a, labels: {a: b}}, data: {a: b}}`)
		defer env.Delete(probe)
		if env.Get(probe).GetLabels()["injected"] == "" {
			return fmt.Errorf("it isn't")
		}
		return nil
	})
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=PREFIX-a"))
	env.WaitFor(src, "is done", kit.HasStatus("1/1 synced"))
	km.WaitQuiet(2 * time.Second)
	if got := env.Get(mirror).GetLabels()["injected"]; got != "yes" {
		t.Fatalf("the label that the server put in is %q", got)
	}
	mark := env.Mark()
	env.Apply(kit.Source(src, "changed", "target-namespaces=PREFIX-a"))
	env.WaitFor(mirror, "has changed", hasData("changed"))
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) != 1 {
		t.Errorf("a change of the source made, instead of one write:\n%s", writes)
	}
	env.Patch(mirror, `{"data":{"key":"tampered"}}`)
	env.WaitFor(mirror, "is right again", hasData("changed"))

	km.Stop()
	mark = env.Mark()
	again := env.Start("--resource-types=ConfigMap.v1")
	again.WaitQuiet(time.Second)
	writes := again.Since(mark).Where(audit.Filter{Verbs: audit.Writes})
	if len(writes) > 1 || slices.ContainsFunc(writes, func(r audit.Request) bool { return r.Verb != "update" }) {
		t.Errorf("a restart costs more than the one write that finds out:\n%s", writes)
	}
}
