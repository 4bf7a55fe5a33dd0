package types

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apitypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestKindsThatPeopleUseAreMirroredExactly takes one of each through its life. The
// steps are taken with all of them at a time.
func TestKindsThatPeopleUseAreMirroredExactly(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	applyDefinitions(t, env)
	km := env.Start()
	kinds := slices.Concat(builtIn, custom)
	of := func(k kind) kit.Ref { return kit.Object(k.name, src, "one") }
	exact := func(when string) {
		t.Helper()
		for _, k := range kinds {
			env.WaitFor(of(k).In(a), when, isCopyOf(env.Get(of(k))))
			env.WaitFor(of(k), "is in sync", isInSync)
		}
	}
	for _, k := range kinds {
		env.Apply(source(of(k), k.object))
	}
	exact("is made")
	for _, k := range kinds {
		env.Patch(of(k), patch(t, k.change))
	}
	exact("follows its source")
	for _, k := range kinds {
		before := env.Get(of(k).In(a)).GetResourceVersion()
		env.Patch(of(k).In(a), patch(t, k.tamper))
		if env.Get(of(k).In(a)).GetResourceVersion() == before {
			t.Errorf("%s: the patch changes nothing", k.name)
		}
	}
	exact("is put right")
	subresources(t, env, src, a, km)

	rests(t, env, km)
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	begin := env.Mark()
	again := env.Start()
	settles(env, again, 2*time.Second)
	if writes := again.Since(begin).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("started again, it wrote:\n%s", writes)
	}
	if reads := again.Since(begin).Where(audit.Filter{Verbs: []string{"get"}, Namespaces: []string{a}}); len(reads) > 0 {
		t.Errorf("started again, it read what nobody had written to:\n%s", reads)
	}
	for _, k := range kinds {
		env.Delete(of(k))
	}
	for _, k := range kinds {
		env.WaitGone(of(k))
		env.WaitGone(of(k).In(a))
	}
}

// applyDefinitions applies what is in testdata.
func applyDefinitions(t *testing.T, env *kit.Env) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no definitions", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		env.Apply(string(text))
	}
}

// rests makes sure that the process writes nothing any more, seen until it has
// taken up a source that comes later.
func rests(t *testing.T, env *kit.Env, km *kit.Kubemirror) {
	t.Helper()
	settles(env, km, 500*time.Millisecond)
	begin := env.Mark()
	env.Consistently("it writes nothing", 3*time.Second, func(context.Context) error {
		if writes := km.Since(begin).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
			return fmt.Errorf("it wrote:\n%s", writes)
		}
		return nil
	})
	later := kit.Object("ConfigMap.v1", env.Name("src"), "later")
	env.Apply(source(later, "{data: {key: value}}"))
	env.WaitFor(later, "is mirrored", isInSync)
	for _, r := range km.Since(begin).Where(audit.Filter{Verbs: audit.Writes}) {
		if r.Resource != "configmaps" {
			t.Errorf("while nothing changed, it wrote: %s", r)
		}
	}
}

// subresources writes the status of a source, which is its own, and scales another
// one, which is a change of its content.
func subresources(t *testing.T, env *kit.Env, src, a string, km *kit.Kubemirror) {
	t.Helper()
	config, err := env.ControlPlane().RESTConfig(env.Name("owner"), controlplane.Admins)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(resource, subresource, text string) {
		shapes := client.Resource(schema.GroupVersionResource{Group: "shapes.example.com", Version: "v1", Resource: resource}).Namespace(src)
		if _, err := shapes.Patch(t.Context(), "one", apitypes.MergePatchType, []byte(text), metav1.PatchOptions{}, subresource); err != nil {
			t.Fatalf("patch %s of %s: %v", subresource, resource, err)
		}
	}
	begin := env.Mark()
	write("reporters", "status", `{"status":{"phase":"Ready"}}`)
	write("scalables", "status", `{"status":{"replicas":1}}`)
	write("scalables", "scale", `{"spec":{"replicas":5}}`)
	scaled := kit.Object("Scalable.v1.shapes.example.com", a, "one")
	env.WaitFor(scaled, "follows its source's scale", func(o *unstructured.Unstructured) error {
		if got, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); got != 5 {
			return fmt.Errorf("it has %d replicas", got)
		}
		return nil
	})
	settles(env, km, time.Second)
	for _, o := range []*unstructured.Unstructured{env.Get(scaled), env.Get(kit.Object("Reporter.v1.shapes.example.com", a, "one"))} {
		if status, has := o.Object["status"]; has {
			t.Errorf("the mirror %s has the status %v", o.GetKind(), status)
		}
	}
	if writes := km.Since(begin).Where(audit.Filter{Verbs: audit.Writes}); len(writes) != 1 {
		t.Errorf("instead of one write, there were:\n%s", writes)
	}
}

// patch is a merge patch that is written as YAML.
func patch(t *testing.T, text string) string {
	t.Helper()
	json, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return string(json)
}
