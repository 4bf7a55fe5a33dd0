package tests

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// exported is what "kubectl get -o yaml" gives of an object, as a person would edit it
// to apply it to another namespace: without what the server says of this one.
func exported(o *unstructured.Unstructured, namespace string, without ...string) *unstructured.Unstructured {
	o = o.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	delete(o.Object, "status")
	o.SetNamespace(namespace)
	annotations := o.GetAnnotations()
	for _, key := range without {
		delete(annotations, domain+key)
	}
	o.SetAnnotations(annotations)
	return o
}

// threeKinds are sources of a namespace, which ask for the namespace a.
func threeKinds(env *kit.Env, src string) (refs []kit.Ref, types string) {
	refs = []kit.Ref{kit.Object(configMap, src, "settings"), kit.Object("Secret", src, "db"), gadget(env, src, "gear")}
	env.Apply(gadgets)
	for _, r := range refs[:2] {
		env.Apply(source(r, "target-namespaces=PREFIX-a"))
	}
	env.Apply(strings.Replace(gadgetSource(refs[2], "size: 1"), "target-namespaces: all", "target-namespaces: PREFIX-a", 1))
	return refs, "--resource-types=ConfigMap.v1,Secret.v1," + refs[2].Kind
}

// TestAMirrorThatSomebodyAppliesElsewhereIsTheirs has four copies of each mirror: in
// namespaces that the source wants later, and in some that it never wants; with the
// annotation that names another object, and without it.
func TestAMirrorThatSomebodyAppliesElsewhereIsTheirs(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	refs, types := threeKinds(env, src)
	km := env.Start(types, "--leader-elect=false")
	exporter := env.As("exporter")
	places := map[string][]string{"wanted": nil, "wanted-nameless": {"mirror-id"}, "unwanted": nil, "unwanted-nameless": {"mirror-id"}}
	for place := range places {
		env.Namespace(place)
	}
	left := map[kit.Ref]string{}
	for _, r := range refs {
		mirror := env.WaitFor(r.In(env.Name("a")), "is there", kit.Exists)
		for place, without := range places {
			left[r.In(env.Name(place))] = exporter.Create(exported(mirror, env.Name(place), without...)).GetResourceVersion()
		}
	}
	stays := func(why string, suffixes ...string) {
		t.Helper()
		for r, version := range left {
			suffix := strings.TrimPrefix(r.Namespace, env.Prefix()+"-")
			if got := env.Find(r); slices.Contains(suffixes, suffix) && (got == nil || got.GetResourceVersion() != version) {
				t.Errorf("since %s, %s is not as it was left: %v", why, r, got)
			}
		}
	}
	km.WaitQuiet(500 * time.Millisecond)
	stays("nothing has happened", "wanted", "wanted-nameless", "unwanted", "unwanted-nameless")

	t.Log("one that names the source, and not another object, is taken over by it with one write")
	mark := env.Mark()
	for _, r := range refs {
		uid := env.Get(r.In(env.Name("wanted-nameless"))).GetUID()
		env.Annotate(r, domain+"target-namespaces="+strings.Join([]string{env.Name("a"), env.Name("wanted"), env.Name("wanted-nameless")}, ","))
		env.WaitFor(r, "says which one is in the way", statusHolds("2/3 synced: "+env.Name("wanted")+": "))
		env.WaitForEvent(r, "ForeignObject", env.Name("wanted"))
		o := env.WaitFor(r.In(env.Name("wanted-nameless")), "is taken over", isCopyOf(env.Get(r)))
		if o.GetUID() != uid {
			t.Errorf("%s was made anew", r.In(env.Name("wanted-nameless")))
		}
	}
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: []string{"update"}}); len(writes) != len(refs) {
		t.Errorf("taking over %d took:\n%s", len(refs), writes)
	}
	stays("the source wants its name", "wanted", "unwanted", "unwanted-nameless")

	t.Log("nor does a restart touch the others")
	km.Kill()
	mark = env.Mark()
	km = env.Start(types, "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	waitForCount(env, km, 2*len(refs))

	t.Log("what was in the way goes, and the mirror comes")
	for _, r := range refs {
		env.Delete(r.In(env.Name("wanted")))
		env.WaitFor(r.In(env.Name("wanted")), "is a mirror", isCopyOf(env.Get(r)))
		env.WaitFor(r, "says so", kit.HasStatus("3/3 synced"))
	}

	t.Log("the source goes, with its mirrors and nothing else")
	for _, r := range refs {
		env.Delete(r)
		env.WaitGone(r)
		for _, suffix := range []string{"a", "wanted", "wanted-nameless"} {
			env.WaitGone(r.In(env.Name(suffix)))
		}
	}
	km.WaitQuiet(300 * time.Millisecond)
	stays("the source is gone", "unwanted", "unwanted-nameless")
	km.Kill()
	km = env.Start(types, "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	stays("the source is gone, and kubemirror was started again", "unwanted", "unwanted-nameless")
	waitForCount(env, km, 0)
	for _, r := range refs {
		for _, suffix := range []string{"unwanted", "unwanted-nameless"} {
			if events := env.Events(r.In(env.Name(suffix))); len(events) > 0 {
				t.Errorf("there are events of %s: %v", r.In(env.Name(suffix)), events)
			}
		}
	}
}
