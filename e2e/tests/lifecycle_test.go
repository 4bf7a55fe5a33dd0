package tests

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// happening is something that a source of the targets a and b goes through.
type happening struct {
	says string
	// given comes before, and is waited for: nil where nothing is special.
	given   func(env *kit.Env, src kit.Ref)
	happens func(env *kit.Env, src kit.Ref)
	ends    func(env *kit.Env, src kit.Ref)
}

var happenings = []happening{
	{"a key is added to its content", nil, patched(`{"data":{"third":"3"}}`), mirroredTo("a", "b")},
	{"a value of its content changes", nil, patched(`{"data":{"key":"changed"}}`), mirroredTo("a", "b")},
	{"a key is removed from its content", nil, patched(`{"data":{"key":null}}`), mirroredTo("a", "b")},
	{"its whole data is removed", nil, patched(`{"data":null}`), mirroredTo("a", "b")},
	{"its data gives way to binary data", nil, patched(`{"data":null,"binaryData":{"key":"AP8="}}`), mirroredTo("a", "b")},
	{"it gets data where it had none", patched(`{"data":null}`), patched(`{"data":{"key":"new"}}`), mirroredTo("a", "b")},
	{"a label is added", nil, patched(`{"metadata":{"labels":{"tier":"web"}}}`), mirroredTo("a", "b")},
	{"a label changes", nil, patched(`{"metadata":{"labels":{"team":"red"}}}`), mirroredTo("a", "b")},
	{"a label is removed", nil, patched(`{"metadata":{"labels":{"team":null}}}`), mirroredTo("a", "b")},
	{"an annotation is added", nil, patched(`{"metadata":{"annotations":{"example.com/more":"x"}}}`), mirroredTo("a", "b")},
	{"an annotation changes", nil, patched(`{"metadata":{"annotations":{"example.com/note":"two"}}}`), mirroredTo("a", "b")},
	{"an annotation is removed", nil, patched(`{"metadata":{"annotations":{"example.com/note":null}}}`), mirroredTo("a", "b")},

	{"sync is set to false", nil, annotated("sync=false"), isSourceNoMore},
	{"sync is removed", nil, annotated("sync-"), isSourceNoMore},
	{"the label is removed", nil, labelled("enabled-"), isSourceNoMore},
	{"the label is set to false", nil, labelled("enabled=false"), isSourceNoMore},
	{"it is labelled as a mirror", nil, labelled("mirror=true"), isASourceAfterAll},
	{"it is excluded", nil, annotated("exclude=true"), isSourceNoMore},
	{"it is excluded while it is paused", paused, annotated("exclude=true"), isSourceNoMore},
	{"it is disabled and enabled again", nil, annotatedInTurn("sync-", "sync=true"), mirroredTo("a", "b")},
	{"it is excluded and that is taken back", nil, annotatedInTurn("exclude=true", "exclude=false"), mirroredTo("a", "b")},

	{"it asks for one namespace less", nil, annotated("target-namespaces=PREFIX-b"), mirroredTo("b")},
	{"it asks for another namespace", nil, annotated("target-namespaces=PREFIX-b,PREFIX-c"), mirroredTo("b", "c")},
	{"it asks for none by an empty list", nil, annotated("target-namespaces="), hasNothingToDo},
	{"it asks for none by no list", nil, annotated("target-namespaces-"), hasNothingToDo},
	{"it asks for its own namespace too", nil, annotated("target-namespaces=PREFIX-a,PREFIX-src"), mirroredTo("a")},

	{"it is paused and then changes", nil, inTurn(paused, patched(`{"data":{"key":"changed"}}`)), keepsItsMirrors},
	{"it is paused no more", inTurn(paused, patched(`{"data":{"key":"changed"}}`)), annotated("paused-"), mirroredTo("a", "b")},

	{"it is deleted", nil, deleted, isGone},
	{"it is deleted while it is paused", paused, deleted, isGone},
	{"it is deleted and has its own namespace in its list", annotated("target-namespaces=all"), deleted, isGone},
	{"it is deleted by force", nil, deletedByForce, isGone},
	{"its namespace is deleted", nil, namespaceDeleted, isGone},
}

func TestMirrorsFollowTheirSource(t *testing.T) {
	t.Parallel()
	everythingHappens(t, func(_ *kit.Env, _ *kit.Kubemirror, happens func()) { happens() })
}

func TestMirrorsCatchUpWithWhatBefellTheirSourceWhileNobodyLooked(t *testing.T) {
	t.Parallel()
	everythingHappens(t, func(env *kit.Env, km *kit.Kubemirror, happens func()) {
		km.Kill()
		happens()
		env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	})
}

// everythingHappens has one source for each happening, all of them mirrored before.
func everythingHappens(t *testing.T, during func(env *kit.Env, km *kit.Kubemirror, happens func())) {
	env := kit.New(t)
	for _, name := range []string{"src", "a", "b", "c"} {
		env.Namespace(name)
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	sources := make([]kit.Ref, len(happenings))
	for i, h := range happenings {
		sources[i] = kit.Object(configMap, env.Name("src"), fmt.Sprintf("row-%d", i))
		if h.says == "its namespace is deleted" {
			sources[i].Namespace = env.Namespace("goes")
		}
		env.Apply(plainSource(sources[i]))
	}
	bystander := kit.Object(configMap, env.Name("src"), "bystander")
	env.Apply(plainSource(bystander))
	for _, src := range append(sources, bystander) {
		env.WaitFor(src, "is mirrored", kit.HasStatus("2/2 synced"))
	}
	before := env.Get(bystander.In(env.Name("a")))
	for i, h := range happenings {
		if h.given != nil {
			h.given(env, sources[i])
		}
	}

	left := make([]map[string]any, len(happenings))
	during(env, km, func() {
		for i, h := range happenings {
			h.happens(env, sources[i])
			if o := env.Find(sources[i]); o != nil {
				left[i] = usersPart(o)
			}
		}
	})
	for i, h := range happenings {
		t.Logf("%s (%s)", h.says, sources[i].Name)
		h.ends(env, sources[i])
		if o := env.Find(sources[i]); o != nil && !reflect.DeepEqual(usersPart(o), left[i]) {
			t.Errorf("when %s, kubemirror made of\n%v\nthis:\n%v", h.says, left[i], usersPart(o))
		}
	}
	if after := env.Get(bystander.In(env.Name("a"))); after.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("the mirror of a source that nothing happened to was written to:\n%v", after)
	}
}

// plainSource is a ConfigMap that asks for the targets a and b, with content and
// metadata of its own.
func plainSource(r kit.Ref) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": %q, "name": %q,
		"labels": {"kubemirror.raczylo.com/enabled": "true", "team": "blue"},
		"annotations": {"kubemirror.raczylo.com/sync": "true", "kubemirror.raczylo.com/target-namespaces": "PREFIX-a,PREFIX-b",
			"example.com/note": "one"}}, "data": {"key": "value", "second": "two"}}`, r.Namespace, r.Name)
}

// usersPart is what of a source its author wrote, and nobody else changes.
func usersPart(o *unstructured.Unstructured) map[string]any {
	annotations := o.GetAnnotations()
	delete(annotations, domain+"sync-status")
	delete(annotations, domain+"failed-targets")
	part := map[string]any{"labels": o.GetLabels(), "annotations": annotations, "owners": o.GetOwnerReferences()}
	for field, value := range o.Object {
		if field != "metadata" && field != "status" {
			part[field] = value
		}
	}
	return part
}

func patched(patch string) func(*kit.Env, kit.Ref) {
	return func(env *kit.Env, src kit.Ref) { env.Patch(src, patch) }
}

func annotated(change string) func(*kit.Env, kit.Ref) {
	return func(env *kit.Env, src kit.Ref) { env.Annotate(src, domain+change) }
}

func annotatedInTurn(first, second string) func(*kit.Env, kit.Ref) {
	return inTurn(annotated(first), annotated(second))
}

func labelled(change string) func(*kit.Env, kit.Ref) {
	return func(env *kit.Env, src kit.Ref) { env.Label(src, domain+change) }
}

func inTurn(steps ...func(*kit.Env, kit.Ref)) func(*kit.Env, kit.Ref) {
	return func(env *kit.Env, src kit.Ref) {
		for _, step := range steps {
			step(env, src)
		}
	}
}

func paused(env *kit.Env, src kit.Ref) { env.Annotate(src, domain+"paused=true") }

func deleted(env *kit.Env, src kit.Ref) { env.Delete(src) }

// deletedByForce takes the finalizers off by hand, as people do with objects that
// are stuck.
func deletedByForce(env *kit.Env, src kit.Ref) {
	env.Patch(src, `{"metadata":{"finalizers":null}}`)
	env.Delete(src)
}

func namespaceDeleted(env *kit.Env, src kit.Ref) { env.Delete(namespace(src.Namespace)) }

// mirroredTo says that the source's mirrors are exact, in just these namespaces.
func mirroredTo(suffixes ...string) func(*kit.Env, kit.Ref) {
	return func(env *kit.Env, src kit.Ref) {
		for _, suffix := range suffixes {
			env.WaitFor(src.In(env.Name(suffix)), "is a copy", isCopyOf(env.Get(src)))
		}
		waitForMirrors(env, src, suffixes...)
		env.WaitFor(src, "says that it is done", kit.HasStatus(fmt.Sprintf("%d/%[1]d synced", len(suffixes))))
		env.WaitFor(src, "has the finalizer", hasFinalizers(ourFinalizer))
	}
}

// isSourceNoMore says that the object is there as its author left it, and nothing
// else is.
func isSourceNoMore(env *kit.Env, src kit.Ref) {
	waitForNoMirrors(env, src)
	env.WaitFor(src, "bears nothing of ours", func(o *unstructured.Unstructured) error {
		for _, key := range []string{"sync-status", "failed-targets"} {
			if text, ok := o.GetAnnotations()[domain+key]; ok {
				return fmt.Errorf("its annotation %s is %q", key, text)
			}
		}
		return hasFinalizers()(o)
	})
}

// hasNothingToDo says that the object is a source without targets.
func hasNothingToDo(env *kit.Env, src kit.Ref) {
	waitForNoMirrors(env, src)
	env.WaitFor(src, "says that there is nothing to do", statusHolds("0/0 synced: "))
	env.WaitFor(src, "needs no finalizer", hasFinalizers())
}

// keepsItsMirrors says that the mirrors are still those of before.
func keepsItsMirrors(env *kit.Env, src kit.Ref) {
	env.WaitFor(src, "says that it is paused", kit.HasStatus("paused"))
	for _, suffix := range []string{"a", "b"} {
		env.WaitFor(src.In(env.Name(suffix)), "is as it was", hasData("value"))
	}
}

func isGone(env *kit.Env, src kit.Ref) {
	env.WaitGone(src)
	waitForNoMirrors(env, src)
}

func waitForNoMirrors(env *kit.Env, src kit.Ref) {
	env.Eventually(fmt.Sprintf("%s has no mirrors", src), func(context.Context) error {
		if got := mirrorsOf(env, src); len(got) > 0 {
			return fmt.Errorf("they are %q", got)
		}
		return nil
	})
}

// TestNothingOfAPausedSourceChanges waits, to show that nothing happens, for what
// kubemirror does after it for another source.
func TestNothingOfAPausedSourceChanges(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	other := kit.Object(configMap, src.Namespace, "other")
	a, b, c := src.In(env.Namespace("a")), src.In(env.Namespace("b")), src.In(env.Namespace("c"))
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "b", "c")
	env.Annotate(src, domain+"paused=true")
	env.WaitFor(src, "says so", kit.HasStatus("paused"))
	km.WaitQuiet(300 * time.Millisecond)

	mark := env.Mark()
	env.Patch(src, `{"data":{"key":"changed"},"metadata":{"labels":{"team":"red"}}}`)
	env.Patch(a, `{"data":{"key":"tampered"}}`)
	env.Annotate(a, domain+"source-content-hash-")
	env.Delete(b)
	env.Annotate(src, domain+"target-namespaces=PREFIX-a,PREFIX-late")
	env.Namespace("late")
	env.Apply(source(other, "target-namespaces=all"))
	waitForMirrors(env, other, "a", "b", "c", "late")
	km.WaitQuiet(500 * time.Millisecond)
	writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes})
	if want := 4 + 2; len(writes) != want {
		t.Errorf("%d writes, want the %d of the other source (4 mirrors, its finalizer, its status):\n%s", len(writes), want, writes)
	}
	if err := errors.Join(hasData("tampered")(env.Get(a)), hasData("value")(env.Get(c)), kit.HasStatus("paused")(env.Get(src))); err != nil {
		t.Error(err)
	}
	if got := mirrorsOf(env, src); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("its mirrors are in %q", got)
	}

	t.Log("a restart changes nothing of it either")
	km.Kill()
	mark = env.Mark()
	again := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	again.WaitQuiet(500 * time.Millisecond)
	if writes := again.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("it wrote:\n%s", writes)
	}

	t.Log("all that comes once it is paused no more")
	env.Annotate(src, domain+"paused-")
	waitForMirrors(env, src, "a", "late")
	env.WaitFor(a, "is right", isCopyOf(env.Get(src)))
	env.WaitFor(src.In(env.Name("late")), "is right", isCopyOf(env.Get(src)))
}

func TestASourceDeletedAndMadeAgainIsMirroredAgain(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a, b := src.In(env.Namespace("a")), src.In(env.Namespace("b"))
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "b")
	for round := range 5 {
		value := fmt.Sprintf("value-%d", round)
		env.Delete(src)
		env.WaitGone(src) // and at once:
		env.Apply(kit.Source(src, value, "target-namespaces=all"))
		for _, mirror := range []kit.Ref{a, b} {
			env.WaitFor(mirror, "has the new content", hasData(value))
			env.WaitFor(mirror, "is a copy", isCopyOf(env.Get(src)))
		}
		waitForMirrors(env, src, "a", "b")
	}
}

// TestASourceForcedAwayAndMadeAgainKeepsItsMirrors strips the finalizer, so that
// nothing holds up the deletion, while kubemirror is down, or hears of it late.
func TestASourceForcedAwayAndMadeAgainKeepsItsMirrors(t *testing.T) {
	t.Parallel()
	for says, during := range map[string]func(env *kit.Env, km *kit.Kubemirror, happens func()) error{
		"while kubemirror is down": func(env *kit.Env, km *kit.Kubemirror, happens func()) error {
			km.Kill()
			happens()
			env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
			return nil
		},
		"under its eyes": func(_ *kit.Env, km *kit.Kubemirror, happens func()) error {
			err := km.Signal(syscall.SIGSTOP)
			happens()
			return errors.Join(err, km.Signal(syscall.SIGCONT))
		},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			src := kit.Object(configMap, env.Namespace("src"), "settings")
			a := src.In(env.Namespace("a"))
			b := src.In(env.Namespace("b"))
			km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
			env.Apply(source(src, "target-namespaces=all"))
			waitForMirrors(env, src, "a", "b")
			first := env.Get(src)
			uids := map[kit.Ref]any{a: env.Get(a).GetUID(), b: env.Get(b).GetUID()}

			if err := during(env, km, func() {
				deletedByForce(env, src)
				env.WaitGone(src)
				env.Apply(kit.Source(src, "anew", "target-namespaces=all"))
			}); err != nil {
				t.Fatal(err)
			}
			for mirror, uid := range uids {
				o := env.WaitFor(mirror, "is one of the new source", isCopyOf(env.Get(src)))
				if env.Get(src).GetUID() == first.GetUID() {
					t.Fatal("it is the same source")
				}
				if o.GetUID() != uid {
					t.Errorf("%s was made anew: its UID is %s, was %s", mirror, o.GetUID(), uid)
				}
			}
			waitForMirrors(env, src, "a", "b")
			env.WaitFor(src, "has the finalizer", hasFinalizers(ourFinalizer))
		})
	}
}
