package types

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// The content of a mirror isn't watched. These tests have it written to in every way,
// and look at what kubemirror reads and writes then: for each write of somebody else at
// most one of each.

// written is a kind with one object of it, and what somebody does to its mirror, as
// merge patches.
type written struct {
	kind, object         string
	change, remove, more string
	equal                string // the same as it is
	status               string // empty: it has none
}

func writtenKinds(group string) []written {
	custom := written{
		object: "{spec: {size: 1, parts: [{name: a}, {name: b}], more: {x: 1}}}",
		change: `{"spec":{"size":2}}`, remove: `{"spec":{"more":{"x":null}}}`, more: `{"spec":{"extra":true}}`, equal: `{"spec":{"size":1}}`, status: `{"status":{"phase":"Ready"}}`,
	}
	whole, apart := custom, custom
	whole.kind, apart.kind = "Whole.v1."+group, "Apart.v1."+group
	return []written{
		{
			kind: "Secret.v1", object: "{type: Opaque, data: {a: YQ==, b: Yg==}}",
			change: `{"data":{"a":"eA=="}}`, remove: `{"data":{"b":null}}`, more: `{"data":{"c":"eA=="}}`, equal: `{"data":{"a":"YQ=="}}`,
		},
		{
			kind: "Deployment.v1.apps",
			object: `{spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}, annotations: {note: a}}, spec: {
				terminationGracePeriodSeconds: 9, containers: [{name: web, image: "web:1", ports: [{containerPort: 80}, {containerPort: 81}]}]}}}}`,
			change: `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":5}}}}`, remove: `{"spec":{"template":{"metadata":{"annotations":{"note":null}}}}}`,
			more: `{"spec":{"paused":true}}`, equal: `{"spec":{"replicas":1}}`, status: `{"status":{"observedGeneration":1}}`,
		},
		whole, apart,
	}
}

// hand is somebody who writes to a mirror, in one way.
type hand struct {
	says string
	// write does it, or reports that this kind can't be written to in this way.
	write func(env *kit.Env, k written, mirror kit.Ref) bool
	// harmless says that the content stays as it is.
	harmless bool
}

func patched(which func(written) string) func(*kit.Env, written, kit.Ref) bool {
	return func(env *kit.Env, k written, mirror kit.Ref) bool {
		env.Patch(mirror, which(k))
		return true
	}
}

// applied is server-side apply, by force.
func applied(which func(written) string) func(*kit.Env, written, kit.Ref) bool {
	return func(env *kit.Env, k written, mirror kit.Ref) bool {
		o := env.Get(mirror)
		only := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(which(k)), &only.Object); err != nil {
			panic(err)
		}
		only.SetAPIVersion(o.GetAPIVersion())
		only.SetKind(o.GetKind())
		only.SetNamespace(o.GetNamespace())
		only.SetName(o.GetName())
		text, err := yaml.Marshal(only.Object)
		if err != nil {
			panic(err)
		}
		env.As("gitops").Apply(string(text))
		return true
	}
}

var hands = []hand{
	{says: "patches a value", write: patched(func(k written) string { return k.change })},
	{says: "takes a field away", write: patched(func(k written) string { return k.remove })},
	{says: "adds a field", write: patched(func(k written) string { return k.more })},
	{says: "applies a value", write: applied(func(k written) string { return k.change })},
	{says: "applies what is there", write: applied(func(k written) string { return k.equal }), harmless: true},
	{says: "replaces it", write: func(env *kit.Env, k written, mirror kit.Ref) bool {
		env.Update(mirror, func(o *unstructured.Unstructured) { merge(o.Object, k.change) })
		return true
	}},
	{says: "replaces it with less", write: func(env *kit.Env, k written, mirror kit.Ref) bool {
		env.Update(mirror, func(o *unstructured.Unstructured) { merge(o.Object, k.remove) })
		return true
	}},
	{says: "scales it", write: func(env *kit.Env, k written, mirror kit.Ref) bool {
		if !strings.HasPrefix(k.kind, "Deployment") {
			return false
		}
		env.Kubectl("", "-n", mirror.Namespace, "scale", "deployment", mirror.Name, "--replicas=3")
		return true
	}},
	{says: "writes a status", harmless: true, write: func(env *kit.Env, k written, mirror kit.Ref) bool {
		switch {
		case k.status == "":
			return false
		case strings.HasPrefix(k.kind, "Whole"):
			env.Patch(mirror, k.status)
		default:
			env.PatchStatus(mirror, k.status)
		}
		return true
	}},
	{says: "labels it", harmless: true, write: patched(func(written) string { return `{"metadata":{"labels":{"team":"x"}}}` })},
	{says: "empties managedFields", harmless: true, write: patched(func(written) string { return `{"metadata":{"managedFields":[{}]}}` })},
	{says: "empties managedFields and changes a value", write: func(env *kit.Env, k written, mirror kit.Ref) bool {
		env.Update(mirror, func(o *unstructured.Unstructured) {
			merge(o.Object, k.change)
			merge(o.Object, `{"metadata":{"managedFields":[{}]}}`)
		})
		return true
	}},
}

// inOurName is noticed while the process runs; afterwards the server's own record says
// that the mirror is as kubemirror wrote it (the reference says so).
var inOurName = hand{says: "patches a value in kubemirror's name", write: func(env *kit.Env, k written, mirror kit.Ref) bool {
	env.As("kubemirror").Patch(mirror, k.change)
	return true
}}

// merge is what a merge patch does.
func merge(object map[string]any, patch string) {
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(patch), &fields); err != nil {
		panic(err)
	}
	mergeFields(object, fields)
}

func mergeFields(object, fields map[string]any) {
	for key, value := range fields {
		inner, ok := value.(map[string]any)
		under, has := object[key].(map[string]any)
		switch {
		case value == nil:
			delete(object, key)
		case ok && has:
			mergeFields(under, inner)
		default:
			object[key] = value
		}
	}
}

func TestI9ContentThatSomebodyWroteToIsSetRightWithOneReadAndOneWrite(t *testing.T) {
	t.Parallel()
	contentIsSetRight(t, append(hands, inOurName), func(_ *kit.Env, km *kit.Kubemirror, write func()) *kit.Kubemirror {
		write()
		return km
	})
}

func TestI9ContentThatSomebodyWroteToWhileNobodyLookedIsSetRightWithOneReadAndOneWrite(t *testing.T) {
	t.Parallel()
	contentIsSetRight(t, hands, func(env *kit.Env, km *kit.Kubemirror, write func()) *kit.Kubemirror {
		km.Kill()
		write()
		return env.Start()
	})
}

// mirrorOf is one mirror that one hand writes to; nobody does where there is none.
type mirrorOf struct {
	kind written
	hand hand
	ref  kit.Ref
}

func contentIsSetRight(t *testing.T, hands []hand, during func(env *kit.Env, km *kit.Kubemirror, write func()) *kit.Kubemirror) {
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	group := env.Prefix() + ".example.com"
	env.Apply(definition("Whole", group, v1) + "---" + definition("Apart", group, version{name: "v1", storage: true, extra: ", subresources: {status: {}}"}))
	km := env.Start()
	var mirrors []mirrorOf
	for _, k := range writtenKinds(group) {
		for i, h := range append(hands, hand{says: "nobody writes to it", harmless: true, write: func(*kit.Env, written, kit.Ref) bool { return true }}) {
			r := kit.Object(k.kind, src, fmt.Sprintf("m%d", i))
			env.Apply(source(r, k.object))
			mirrors = append(mirrors, mirrorOf{k, h, r.In(a)})
		}
	}
	for _, m := range mirrors {
		env.WaitFor(m.ref.In(src), "is mirrored", isInSync)
	}
	settles(env, km, 2*time.Second) // the controllers of Deployments too
	mark := env.Mark()
	km = during(env, km, func() {
		for _, m := range mirrors {
			m.hand.write(env, m.kind, m.ref)
		}
	})
	for _, m := range mirrors {
		env.WaitFor(m.ref, fmt.Sprintf("is right, though somebody %s", m.hand.says), isCopyOf(env.Get(m.ref.In(src))))
		env.WaitFor(m.ref.In(src), "says so", isInSync)
	}
	settles(env, km, time.Second)
	ctx := t.Context()
	everybody, err := env.Audit().Since(ctx, mark, audit.Filter{Namespaces: []string{a}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mirrors {
		m.judge(t, everybody, km.User)
	}
}

// judge compares what kubemirror asked for with what others did.
func (m mirrorOf) judge(t *testing.T, requests audit.Requests, user string) {
	var theirs, reads, writes audit.Requests
	for _, r := range requests {
		switch {
		case r.Name != m.ref.Name || r.Code >= 300 || !strings.HasPrefix(strings.ToLower(m.kind.kind), strings.TrimSuffix(r.Resource, "s")+"."):
		case r.User != user && r.IsWrite():
			theirs = append(theirs, r)
		case r.User == user && r.IsWrite():
			writes = append(writes, r)
		case r.User == user && r.Verb == "get":
			reads = append(reads, r)
		}
	}
	if len(reads) > len(theirs) || len(writes) > len(theirs) || m.hand.harmless && len(writes) > 0 {
		t.Errorf("%s, when somebody %s: kubemirror read it\n%s\nand wrote\n%s\nothers wrote\n%s", m.ref, m.hand.says, reads, writes, theirs)
	}
}

// A webhook or a policy that changes what we write makes it ours: what it adds is in
// our own list of fields.
func TestI3WhatAPolicyMakesOfEveryMirrorIsLeftInPeace(t *testing.T) {
	env := kit.New(t) // alone: a policy takes a moment to take effect, and others' mirrors are none of its business
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: PREFIX-inject}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: PREFIX-a}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE]}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: 'Object{metadata: Object.metadata{labels: {"injected": "yes"}}, data: {"injected": "yes"}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: PREFIX-inject}
spec: {policyName: PREFIX-inject}
`)
	probe := kit.Object("ConfigMap.v1", a, "probe")
	injected := func(o *unstructured.Unstructured) error {
		if value, _, _ := unstructured.NestedString(o.Object, "data", "injected"); value != "yes" {
			return fmt.Errorf("its data are %v", o.Object["data"])
		}
		return nil
	}
	env.Eventually("the policy is in force", func(context.Context) error {
		env.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-a, name: probe}, data: {n: '" + fmt.Sprint(time.Now().UnixNano()) + "'}}")
		return injected(env.Get(probe))
	})
	km := env.Start()
	r := kit.Object("ConfigMap.v1", src, "c")
	env.Apply(source(r, "{data: {key: value}}"))
	env.WaitFor(r, "is mirrored", isInSync)
	env.WaitFor(r.In(a), "has what the policy adds", injected)
	rests(t, env, km)

	km.Stop()
	begin := env.Mark()
	km = env.Start()
	settles(env, km, 2*time.Second)
	asked := km.Since(begin).Where(audit.Filter{Namespaces: []string{a}})
	if len(asked) > 0 {
		t.Errorf("started again, it asked for:\n%s", asked)
	}
	env.Patch(r.In(a), `{"data":{"key":"tampered"}}`)
	env.WaitFor(r.In(a), "is put right all the same", func(o *unstructured.Unstructured) error {
		if value, _, _ := unstructured.NestedString(o.Object, "data", "key"); value != "value" {
			return fmt.Errorf("its data are %v", o.Object["data"])
		}
		return injected(o)
	})
	rests(t, env, km)
}
