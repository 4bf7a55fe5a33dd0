package lists

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// kinds are two that travel in protobuf, and one that is JSON.
var kinds = []string{"Secret.v1", "ConfigMap.v1", "LimitRange.v1"}

// content has a kind's field that holds content, with a word in it.
var content = map[string]func(word string) string{
	kinds[0]: func(word string) string {
		return fmt.Sprintf(`"data":{"key":%q}`, base64.StdEncoding.EncodeToString([]byte(word)))
	},
	kinds[1]: func(word string) string { return fmt.Sprintf(`"data":{"key":%q}`, word) },
	kinds[2]: func(word string) string {
		return fmt.Sprintf(`"spec":{"limits":[{"type":%q,"max":{"cpu":"2"}}]}`, "example.com/"+word)
	},
}

// source is one that wants to be in all of the test's namespaces that begin with n.
func source(r kit.Ref, content string) string {
	kind, version, _ := strings.Cut(r.Kind, ".")
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q,`+
		`"labels":{"kubemirror.raczylo.com/enabled":"true"},`+
		`"annotations":{"kubemirror.raczylo.com/sync":"true","kubemirror.raczylo.com/target-namespaces":"PREFIX-n*"}},%s}`,
		version, kind, r.Name, r.Namespace, content)
}

// holds is the check of an object that has the content of another.
func holds(other *unstructured.Unstructured) kit.Check {
	return func(o *unstructured.Unstructured) error {
		for _, field := range []string{"data", "spec"} {
			if got, want := fmt.Sprint(o.Object[field]), fmt.Sprint(other.Object[field]); got != want {
				return fmt.Errorf("its %s are %s, want %s", field, got, want)
			}
		}
		return nil
	}
}

// all names every object that is looked at: a source of each kind, and its mirrors.
func all(env *kit.Env) (sources, mirrors []kit.Ref) {
	for _, kind := range kinds {
		src := kit.Object(kind, env.Name("src"), "shared")
		sources = append(sources, src)
		mirrors = append(mirrors, src.In(env.Name("n1")), src.In(env.Name("n2")))
	}
	return sources, mirrors
}

func versions(env *kit.Env, refs []kit.Ref) map[kit.Ref]string {
	found := map[kit.Ref]string{}
	for _, r := range refs {
		found[r] = env.Get(r).GetResourceVersion()
	}
	return found
}

func TestMirrorsAreMadeChangedSetRightAndRemovedWithoutStreamedLists(t *testing.T) {
	env := kit.New(t)
	for _, name := range []string{"src", "n1", "n2"} {
		env.Namespace(name)
	}
	sources, mirrors := all(env)
	env.Apply(source(sources[0], content[kinds[0]]("early"))) // this one is there at the start

	mark := env.Mark()
	km := env.Start("--leader-elect=false")
	areRight := func() {
		t.Helper()
		for _, src := range sources {
			now := env.WaitFor(src, "is in sync", kit.HasStatus("2/2 synced"))
			for _, mirror := range []kit.Ref{src.In(env.Name("n1")), src.In(env.Name("n2"))} {
				env.WaitFor(mirror, "is right", holds(now))
			}
		}
	}
	for _, word := range []string{"one", "two"} {
		for _, src := range sources {
			env.Apply(source(src, content[src.Kind](word)))
		}
		areRight()
	}
	if lists := km.Since(mark).Where(audit.Filter{Verbs: []string{"list"}, Resources: []string{"secrets"}}); len(lists) == 0 {
		t.Error("it needed no plain list: this API server streams them")
	}

	t.Log("mirrors are tampered with and deleted")
	for _, src := range sources {
		env.Patch(src.In(env.Name("n1")), "{"+content[src.Kind]("tampered")+"}")
		env.Delete(src.In(env.Name("n2")))
	}
	areRight()
	km.WaitQuiet(time.Second)

	t.Log("a restart on what is right")
	before := versions(env, append(mirrors, sources...))
	km = restart(t, env, km)
	if after := versions(env, append(mirrors, sources...)); !maps.Equal(before, after) {
		t.Errorf("they have changed:\nbefore %v\nafter  %v", before, after)
	}

	t.Log("a restart after mirrors were tampered with, and a source changed")
	km.Kill()
	env.Patch(mirrors[0], "{"+content[kinds[0]]("tampered")+"}")
	env.Apply(source(sources[1], content[kinds[1]]("three")))
	env.Delete(mirrors[4])
	km = env.Start("--leader-elect=false")
	areRight()

	t.Log("sources are deleted")
	km.WaitQuiet(time.Second)
	for _, r := range sources {
		env.Delete(r)
	}
	for _, r := range append(mirrors, sources...) {
		env.WaitGone(r)
	}
}

// restart stops a process and starts another, which must write nothing.
func restart(t *testing.T, env *kit.Env, km *kit.Kubemirror) *kit.Kubemirror {
	t.Helper()
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	mark := env.Mark()
	km = env.Launch(kit.Launch{
		Flags: []string{"--leader-elect=false"},
		Env:   []string{"GOMAXPROCS=1"}, // as the chart has it
	})
	km.WaitReady()
	km.WaitQuiet(2 * time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("a restart on what is as it should be wrote:\n%s", writes)
	}
	return km
}

// mostAtARestart is what a process may ever have of memory, file pages included, that
// starts on 5,000 mirrors of 4 KB: the list is of 27 MB in JSON, and no more than the
// mirrors' metadata need be read.
const mostAtARestart = 60e6

func TestARestartOnFiveThousandMirrorsFitsIntoLittleMemoryWithoutStreamedLists(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the memory of another process is read from /proc")
	}
	env := kit.New(t).Within(time.Minute)
	const sources, targets, size = 50, 100, 4 << 10
	env.Namespace("src")
	var texts []string
	for i := range targets {
		texts = append(texts, fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"PREFIX-n%02d"}}`, i))
	}
	env.ApplyAll(texts)
	km := env.Start("--leader-elect=false", "--worker-threads=20", "--rate-limit-qps=100000", "--rate-limit-burst=100000")
	payload := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(payload) // it never fails
	var refs []kit.Ref
	for i := range sources {
		r := kit.Object(kinds[0], env.Name("src"), fmt.Sprintf("s%02d", i))
		refs = append(refs, r)
		env.Apply(source(r, fmt.Sprintf(`"data":{"payload":%q}`, base64.StdEncoding.EncodeToString(payload))))
	}
	for _, r := range refs {
		env.WaitFor(r, "is in sync", kit.HasStatus(fmt.Sprintf("%d/%[1]d synced", targets)))
	}
	km.WaitQuiet(time.Second)

	memory, err := restart(t, env, km).Memory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("at its peak a restart took %.1f MB, and %.1f MB at its end, %.1f of them anonymous",
		float64(memory.Peak)/1e6, float64(memory.Resident)/1e6, float64(memory.Anonymous)/1e6)
	if memory.Peak > mostAtARestart {
		t.Errorf("a restart took %.1f MB at its peak, more than %.1f", float64(memory.Peak)/1e6, mostAtARestart/1e6)
	}
}
