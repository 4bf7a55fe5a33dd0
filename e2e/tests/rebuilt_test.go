package tests

import (
	"maps"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// rebuilt is a source that a person makes of what is left of it: one of its mirrors,
// with what makes it a source and whatever else a mirror has.
func rebuilt(mirror *unstructured.Unstructured, namespace string, asks ...string) *unstructured.Unstructured {
	o := exported(mirror, namespace)
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	labels[domain+"enabled"] = "true"
	annotations[domain+"sync"] = "true"
	for _, text := range asks {
		key, value, _ := strings.Cut(text, "=")
		annotations[domain+key] = value
	}
	o.SetLabels(labels)
	o.SetAnnotations(annotations)
	return o
}

// isASourceAfterAll says that a source with the label of a mirror is one, in sync in a
// and b, and that its author is told of the label.
func isASourceAfterAll(env *kit.Env, r kit.Ref) {
	const note = "the label kubemirror.raczylo.com/mirror that it has counts for nothing"
	env.WaitFor(r, "is in sync", statusHolds("2/2 synced: ", note))
	env.WaitForEvent(r, "InvalidAnnotation", note)
	for _, suffix := range []string{"a", "b"} {
		env.WaitFor(r.In(env.Name(suffix)), "is a copy", isCopyOf(env.Get(r)))
	}
	env.WaitFor(r, "has the finalizer", hasFinalizers(ourFinalizer))
}

// TestASourceRebuiltFromOneOfItsMirrorsIsASource loses sources of three kinds in as
// many ways, and rebuilds each from its mirror in a.
func TestASourceRebuiltFromOneOfItsMirrorsIsASource(t *testing.T) {
	t.Parallel()
	const asks = "target-namespaces=PREFIX-a,PREFIX-b"
	for says, row := range map[string]struct {
		// lost has the source go, and put is then called to put the rebuilt one there.
		lost func(env *kit.Env, km *kit.Kubemirror, src kit.Ref, put func())
		to   string
		kept bool // its mirrors are those of before
	}{
		"while nobody looks": {func(env *kit.Env, km *kit.Kubemirror, src kit.Ref, put func()) {
			km.Kill()
			deletedByForce(env, src)
			env.WaitGone(src)
			put()
		}, "src", true},
		"after its mirrors have gone with it": {func(env *kit.Env, _ *kit.Kubemirror, src kit.Ref, put func()) {
			env.Delete(src)
			env.WaitGone(src)
			env.WaitGone(src.In(env.Name("b")))
			put()
		}, "src", false},
		"in another namespace, while nobody looks": {func(env *kit.Env, km *kit.Kubemirror, src kit.Ref, put func()) {
			km.Kill()
			deletedByForce(env, src)
			env.WaitGone(src)
			put()
		}, "other", false},
		"in another namespace, beside the first": {func(env *kit.Env, _ *kit.Kubemirror, src kit.Ref, put func()) {
			put()
			env.WaitFor(src.In(env.Name("other")), "is told who has the names", statusHolds("0/2 synced: ", src.Namespace+"/"+src.Name))
			env.Delete(src)
			env.WaitGone(src)
		}, "other", false},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			src := env.Namespace("src")
			for _, name := range []string{"a", "b", "other"} {
				env.Namespace(name)
			}
			refs, types := threeKinds(env, src)
			km := env.Start(types, "--leader-elect=false")
			person := env.As("kubectl-create")
			uids := map[kit.Ref]any{}
			for _, r := range refs {
				env.Annotate(r, domain+strings.ReplaceAll(asks, "PREFIX", env.Prefix()))
				env.WaitFor(r, "is mirrored", kit.HasStatus("2/2 synced"))
				mirror := env.Get(r.In(env.Name("a")))
				uids[r] = mirror.GetUID()
				row.lost(env, km, r, func() {
					person.Create(rebuilt(mirror, env.Name(row.to), strings.ReplaceAll(asks, "PREFIX", env.Prefix())))
				})
				if km.Ended() {
					km = env.Start(types, "--leader-elect=false")
				}
			}
			for _, r := range refs {
				isASourceAfterAll(env, r.In(env.Name(row.to)))
				if got := env.Get(r.In(env.Name("a"))).GetUID(); row.kept && got != uids[r] {
					t.Errorf("the mirror in a was made anew")
				}
			}

			t.Log("a restart leaves it there, and the label off is all that is asked for")
			km.WaitQuiet(300 * time.Millisecond)
			km.Kill()
			km = env.Start(types, "--leader-elect=false")
			km.WaitQuiet(500 * time.Millisecond)
			for _, r := range refs {
				now := r.In(env.Name(row.to))
				isASourceAfterAll(env, now)
				env.Label(now, domain+"mirror-")
				env.WaitFor(now, "has nothing to be told", kit.HasStatus("2/2 synced"))
				env.Delete(now)
				env.WaitGone(now)
				env.WaitGone(r.In(env.Name("a")))
			}
		})
	}
}

// TestAMirrorMadeASourceWhereItIsIsNoMirrorAnyMore has somebody label the mirror in a.
func TestAMirrorMadeASourceWhereItIsIsNoMirrorAnyMore(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	for _, name := range []string{"a", "b"} {
		env.Namespace(name)
	}
	refs, types := threeKinds(env, src)
	km := env.Start(types, "--leader-elect=false")
	for _, r := range refs {
		env.WaitFor(r, "is mirrored", kit.HasStatus("1/1 synced"))
		now := r.In(env.Name("a"))
		uid := env.Get(now).GetUID()
		env.Annotate(now, domain+"sync=true", domain+"target-namespaces="+env.Name("b"))
		env.Label(now, domain+"enabled=true")
		env.WaitFor(now, "is a source", statusHolds("1/1 synced: ", "counts for nothing"))
		env.WaitFor(r.In(env.Name("b")), "is a copy of it", isCopyOf(env.Get(now)))
		env.WaitFor(r, "says what is in the way", statusHolds("0/1 synced: "+now.Namespace+": "))
		env.Delete(r)
		env.WaitGone(r)
		km.WaitQuiet(300 * time.Millisecond)
		if o := env.Find(now); o == nil || o.GetUID() != uid || !maps.Equal(usersKeys(o.GetLabels()), usersKeys(env.Get(r.In(env.Name("b"))).GetLabels())) {
			t.Errorf("%s went with the source of the mirror that it was: %v", now, o)
		}
		env.Delete(now)
		env.WaitGone(now)
		env.WaitGone(r.In(env.Name("b")))
	}
}
