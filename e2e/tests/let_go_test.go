package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// podTemplate is one with a source's label and annotations, or without.
func podTemplate(r kit.Ref, image, metadata string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"namespace": %q, "name": %q%s},
		"template": {"spec": {"containers": [{"name": "main", "image": %q}]}}}`, r.Namespace, r.Name, metadata, image)
}

// TestI1WhatIsMadeAnewWhileItsForerunnerIsLetGoStays has a webhook hold up the request by
// which a source loses its last finalizer, until somebody has taken the finalizer off by
// hand and made the object again. The API server then goes on to delete what has the
// name, unless the request said which object it meant.
func TestI1WhatIsMadeAnewWhileItsForerunnerIsLetGoStays(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("PodTemplate", env.Namespace("src", "gate="+env.Prefix()), "pod")
	mirror := src.In(env.Namespace("a"))
	const asks = `, "labels": {"kubemirror.raczylo.com/enabled": "true"},
		"annotations": {"kubemirror.raczylo.com/sync": "true", "kubemirror.raczylo.com/target-namespaces": "PREFIX-a"}`
	km := env.Start("--resource-types=PodTemplate.v1")
	env.Apply(podTemplate(src, "one", asks))
	env.WaitFor(src, "is mirrored", kit.HasStatus("1/1 synced"))
	g := newGate(t, km.User)
	env.Apply(g.webhook("podtemplates"))
	env.Eventually("the webhook is in use", func(context.Context) error {
		env.Apply(podTemplate(kit.Object("PodTemplate", src.Namespace, "try"), fmt.Sprint(time.Now().UnixNano()), ""))
		if _, inUse := g.now(); !inUse {
			return fmt.Errorf("it has not been asked")
		}
		return nil
	})

	mark := env.Mark()
	env.Delete(src)
	env.WaitGone(mirror)
	env.Eventually("the source is being let go", func(context.Context) error {
		if n, _ := g.now(); n != 1 {
			return fmt.Errorf("%d requests wait before the webhook", n)
		}
		return nil
	})
	env.Patch(src, `{"metadata":{"finalizers":null}}`)
	env.WaitGone(src)
	again := env.Apply(podTemplate(src, "two", asks)).GetUID()
	g.open()
	env.WaitFor(src, "is there and mirrored", func(o *unstructured.Unstructured) error {
		if o.GetUID() != again {
			return fmt.Errorf("its UID is %s, want %s", o.GetUID(), again)
		}
		return kit.HasStatus("1/1 synced")(o)
	})
	env.WaitFor(mirror, "is there", kit.Exists)
	if o := env.Get(src); o.GetUID() != again {
		t.Error("it is another one now")
	}
	let := km.Since(mark).Where(audit.Filter{Verbs: []string{"update"}, Namespaces: []string{src.Namespace}})
	if len(let) != 1 || let[0].Code != 409 {
		t.Errorf("it was let go by:\n%s", let)
	}
}

// TestASourceIsReadAndPutOnlyToBeLetGo counts what it costs.
func TestASourceIsReadAndPutOnlyToBeLetGo(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1")
	mark := env.Mark()
	ofSource := func(verbs ...string) audit.Requests {
		return km.Since(mark).Where(audit.Filter{Verbs: verbs, Namespaces: []string{src.Namespace}, Resources: []string{"configmaps"}})
	}
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a")
	env.WaitFor(src, "is mirrored", kit.HasStatus("1/1 synced"))
	env.Annotate(src, domain+"sync=false")
	env.WaitFor(src, "is released", hasFinalizers())
	env.Annotate(src, domain+"sync=true")
	env.WaitFor(src, "is mirrored again", kit.HasStatus("1/1 synced"))
	if asked := ofSource("get", "update"); len(asked) > 0 {
		t.Errorf("while the source lives, it asked:\n%s", asked)
	}

	t.Log("while others hold it, it is patched")
	env.WaitFor(src, "has the finalizer", hasFinalizers(ourFinalizer))
	env.Patch(src, `{"metadata":{"finalizers":["`+ourFinalizer+`","example.com/theirs"]}}`)
	env.Delete(src)
	env.WaitFor(src, "is released", hasFinalizers("example.com/theirs"))
	if asked := ofSource("get", "update"); len(asked) > 0 {
		t.Errorf("while others hold the source, it asked:\n%s", asked)
	}
	env.Patch(src, `{"metadata":{"finalizers":null}}`)
	env.WaitGone(src)

	env.Apply(source(src, "target-namespaces=all"))
	env.WaitFor(src, "is mirrored anew", kit.HasStatus("1/1 synced"))
	env.WaitFor(src, "has the finalizer", hasFinalizers(ourFinalizer))
	mark = env.Mark()
	env.Delete(src)
	env.WaitGone(src)
	if got, put, patched := ofSource("get"), ofSource("update"), ofSource("patch"); len(got) != 1 || len(put) != 1 || len(patched) != 0 {
		t.Errorf("to let it go, it asked:\n%s\n%s\n%s", got, put, patched)
	}
}

// A process takes the finalizer off sources that are deleted where it honours none, after
// a while; that it is its own to touch has to be seen from what was before the test.
func TestASourceOfOthersIsLetGoByAPut(t *testing.T) {
	t.Parallel()
	other := kit.New(t)
	left := kit.Object(configMap, other.Namespace("src"), "left")
	other.Apply(strings.Replace(source(left, "target-namespaces="), `"metadata":{`, `"metadata":{"finalizers":["`+ourFinalizer+`"],`, 1))
	env := kit.New(t)
	env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	other.Delete(left)
	other.Within(time.Minute).WaitGone(left)
}
