package tests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// tamperings are what somebody does to a mirror of a plainSource. Each is set right.
var tamperings = []struct {
	says  string
	patch string // a merge patch; empty: it is deleted
}{
	{"a value was changed", `{"data":{"key":"tampered"}}`},
	{"a key was added", `{"data":{"third":"x"}}`},
	{"a key was removed", `{"data":{"second":null}}`},
	{"all keys were removed", `{"data":null}`},
	{"binary data was added", `{"binaryData":{"x":"AP8="}}`},
	{"it was made immutable", `{"immutable":true}`},
	{"it was changed and made immutable", `{"immutable":true,"data":{"key":"tampered"}}`},
	{"it was deleted", ``},
	{"a label of the source was changed", `{"metadata":{"labels":{"team":"red"}}}`},
	{"a label of the source was removed", `{"metadata":{"labels":{"team":null}}}`},
	{"all labels but the mirror's were removed", `{"metadata":{"labels":{"team":null,"kubemirror.raczylo.com/managed-by":null}}}`},
	{"an annotation of the source was changed", `{"metadata":{"annotations":{"example.com/note":"tampered"}}}`},
	{"an annotation of the source was removed", `{"metadata":{"annotations":{"example.com/note":null}}}`},
	{"the label managed-by was changed", `{"metadata":{"labels":{"kubemirror.raczylo.com/managed-by":"me"}}}`},
	{"the label managed-by was removed", `{"metadata":{"labels":{"kubemirror.raczylo.com/managed-by":null}}}`},
	{"source-namespace was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-namespace":"PREFIX-elsewhere"}}}`},
	{"source-namespace was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-namespace":null}}}`},
	{"source-name was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-name":"nobody"}}}`},
	{"source-name was changed to that of another source", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-name":"row-0"}}}`},
	{"source-name was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-name":null}}}`},
	{"source-name and source-namespace were removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-name":null,"kubemirror.raczylo.com/source-namespace":null}}}`},
	{"source-uid was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-uid":"1"}}}`},
	{"source-uid was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-uid":null}}}`},
	{"source-content-hash was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-content-hash":"1"}}}`},
	{"source-content-hash was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-content-hash":null}}}`},
	{"source-resource-version was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-resource-version":"tampered"}}}`},
	{"source-resource-version was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-resource-version":null}}}`},
	{"last-sync-time was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/last-sync-time":"tampered"}}}`},
	{"last-sync-time was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/last-sync-time":null}}}`},
	{"mirror-id was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/mirror-id":null}}}`},
	{"mirror-id was removed and source-uid changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/mirror-id":null,"kubemirror.raczylo.com/source-uid":"1"}}}`},
	{"source-keys was changed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-keys":"tampered"}}}`},
	{"source-keys was emptied", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-keys":""}}}`},
	{"source-keys was removed", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-keys":null}}}`},
	{"a source-generation was added, which its source has not", `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-generation":"7"}}}`},
}

func TestAMirrorThatSomebodyChangedIsSetRight(t *testing.T) {
	t.Parallel()
	everythingDrifts(t, func(_ *kit.Env, km *kit.Kubemirror, tamper func()) *kit.Kubemirror {
		tamper()
		return km
	})
}

func TestAMirrorThatSomebodyChangedWhileNobodyLookedIsSetRight(t *testing.T) {
	t.Parallel()
	everythingDrifts(t, func(env *kit.Env, km *kit.Kubemirror, tamper func()) *kit.Kubemirror {
		km.Kill()
		tamper()
		return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	})
}

// everythingDrifts has one source for each tampering, which befalls its mirror in a;
// the one in b is left alone.
func everythingDrifts(t *testing.T, during func(env *kit.Env, km *kit.Kubemirror, tamper func()) *kit.Kubemirror) {
	env := kit.New(t)
	for _, name := range []string{"src", "a", "b"} {
		env.Namespace(name)
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	sources := make([]kit.Ref, len(tamperings))
	for i := range tamperings {
		sources[i] = kit.Object(configMap, env.Name("src"), fmt.Sprintf("row-%d", i))
		env.Apply(plainSource(sources[i]))
	}
	before := map[kit.Ref]string{}
	uids := map[kit.Ref]any{}
	for _, src := range sources {
		env.WaitFor(src, "is mirrored", kit.HasStatus("2/2 synced"))
		uids[src] = env.Get(src.In(env.Name("a"))).GetUID()
		for _, r := range []kit.Ref{src, src.In(env.Name("b"))} {
			before[r] = env.Get(r).GetResourceVersion()
		}
	}
	km = during(env, km, func() {
		for i, tampering := range tamperings {
			if tampering.patch == "" {
				env.Delete(sources[i].In(env.Name("a")))
				continue
			}
			env.Patch(sources[i].In(env.Name("a")), tampering.patch)
		}
	})
	for i, tampering := range tamperings {
		o := env.WaitFor(sources[i].In(env.Name("a")), "is right, though "+tampering.says, isCopyOf(env.Get(sources[i])))
		if inPlace := tampering.patch != "" && !strings.Contains(tampering.patch, "immutable"); inPlace && o.GetUID() != uids[sources[i]] {
			t.Errorf("it was made anew because %s", tampering.says)
		}
		env.WaitFor(sources[i], "says so", kit.HasStatus("2/2 synced"))
	}
	km.WaitQuiet(500 * time.Millisecond)
	for r, version := range before {
		if got := env.Get(r).GetResourceVersion(); r.Namespace == env.Name("b") && got != version {
			t.Errorf("%s was written to, though nobody had changed it", r)
		}
	}
}

func TestTheGenerationOfTheSourceIsKeptRightOnTheMirror(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Apply(gadgets)
	src := gadget(env, env.Namespace("src"), "gear")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=" + src.Kind)
	env.Apply(gadgetSource(src, "size: 1"))
	waitForMirrors(env, src, "a")
	is := func(what, generation string) {
		t.Helper()
		o := env.WaitFor(mirror, what, isCopyOf(env.Get(src)))
		if got := o.GetAnnotations()[domain+"source-generation"]; got != generation {
			t.Errorf("when it %s, it is %q, want %q", what, got, generation)
		}
	}
	is("is new", "1")
	env.Annotate(mirror, domain+"source-generation=tampered")
	is("was changed", "1")
	env.Annotate(mirror, domain+"source-generation-")
	is("was removed", "1")
	env.Patch(src, `{"spec":{"size":2}}`)
	is("has the next generation", "2")

	t.Log("a status is no content, on neither of the two")
	km.WaitQuiet(300 * time.Millisecond)
	mark := env.Mark()
	env.Patch(src, `{"status":{"phase":"done"}}`)
	env.Patch(mirror, `{"status":{"phase":"doing"}}`)
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("it wrote:\n%s", writes)
	}
}

// TestAMirrorWhoseMarkingLabelWasRemovedIsForeign has two ways out: the label is put
// back, or the object is deleted.
func TestAMirrorWhoseMarkingLabelWasRemovedIsForeign(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	var mirrors []kit.Ref
	for _, name := range []string{"a", "b", "c", "d"} {
		mirrors = append(mirrors, src.In(env.Namespace(name)))
	}
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "b", "c", "d")
	left := map[kit.Ref]string{}
	for i, r := range mirrors[:3] {
		env.Label(r, domain+[]string{"mirror-", "mirror=false", "mirror="}[i])
		left[r] = env.Get(r).GetResourceVersion()
	}
	status := fmt.Sprintf("1/4 synced: %s, %s, %s: ", mirrors[0].Namespace, mirrors[1].Namespace, mirrors[2].Namespace)
	env.WaitFor(src, "says which are in the way", statusHolds(status))
	env.WaitForEvent(src, "ForeignObject", env.Name("b"))
	env.Patch(src, `{"data":{"key":"changed"}}`)
	env.WaitFor(mirrors[3], "has the change", hasData("changed"))
	env.WaitFor(src, "still says which are in the way", statusHolds(status))
	for r, version := range left {
		if got := env.Get(r); got.GetResourceVersion() != version {
			t.Errorf("%s was written to: %v", r, got)
		}
	}

	uid := env.Get(mirrors[0]).GetUID()
	env.Label(mirrors[0], domain+"mirror=true")
	if o := env.WaitFor(mirrors[0], "is right when it has the label again", isCopyOf(env.Get(src))); o.GetUID() != uid {
		t.Error("the mirror that got its label back was made anew")
	}
	env.Delete(mirrors[1])
	env.WaitFor(mirrors[1], "comes again when it was deleted", isCopyOf(env.Get(src)))
	env.WaitFor(src, "says what is left", statusHolds("3/4 synced: "+mirrors[2].Namespace+": "))

	env.Delete(src)
	env.WaitGone(src)
	waitForNoMirrors(env, src)
	if got := env.Get(mirrors[2]).GetResourceVersion(); got != left[mirrors[2]] {
		t.Error("the object that is no mirror any more was written to when the source was deleted")
	}
}

// TestAMirrorThatNamesNoSourceAnyMoreIsForeign: nothing tells it from somebody
// else's object with that label.
func TestAMirrorThatNamesNoSourceAnyMoreIsForeign(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a")
	env.Patch(mirror, `{"metadata":{"annotations":null}}`)
	left := env.Get(mirror).GetResourceVersion()
	env.WaitFor(src, "says what is in the way", statusHolds("0/1 synced: "+mirror.Namespace+": "))

	km.Kill()
	env.Start("--resource-types=ConfigMap.v1")
	env.Patch(src, `{"data":{"key":"changed"}}`)
	again := kit.Object(configMap, src.Namespace, "again")
	env.Apply(source(again, "target-namespaces=all"))
	waitForMirrors(env, again, "a")
	env.WaitFor(src, "says the same after a restart", statusHolds("0/1 synced: "+mirror.Namespace+": "))
	if got := env.Get(mirror); got.GetResourceVersion() != left {
		t.Errorf("it was written to: %v", got)
	}
	env.Delete(mirror)
	env.WaitFor(mirror, "comes again when it was deleted", isCopyOf(env.Get(src)))
	waitForMirrors(env, src, "a")
}

// TestWhatOthersPutOnAMirrorIsLeftAlone: their labels, annotations, finalizers and
// owners, through an update of the source and a correction.
func TestWhatOthersPutOnAMirrorIsLeftAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(plainSource(src))
	waitForMirrors(env, src, "a")
	owner := env.Apply(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "PREFIX-a", "name": "owner"}}`)
	km.WaitQuiet(300 * time.Millisecond)

	mark := env.Mark()
	env.Label(mirror, "example.com/theirs=label")
	env.Patch(mirror, fmt.Sprintf(`{"metadata":{"annotations":{"example.com/theirs":"annotation"},"finalizers":["example.com/theirs"],
		"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":%q}]}}`, owner.GetUID()))
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("what others added started writes:\n%s", writes)
	}
	stays := func(what, value string) {
		t.Helper()
		o := env.WaitFor(mirror, what, hasData(value))
		if o.GetLabels()["example.com/theirs"] != "label" || o.GetAnnotations()["example.com/theirs"] != "annotation" ||
			!slices.Equal(o.GetFinalizers(), []string{"example.com/theirs"}) || len(o.GetOwnerReferences()) != 1 {
			t.Errorf("when it %s, what others added is gone: %v", what, o.Object["metadata"])
		}
	}
	env.Patch(src, `{"data":{"key":"changed"},"metadata":{"labels":{"team":"red","tier":"web"},"annotations":{"example.com/note":null}}}`)
	stays("has the change", "changed")
	if o := env.Get(mirror); o.GetLabels()["team"] != "red" || o.GetLabels()["tier"] != "web" || o.GetAnnotations()["example.com/note"] != "" {
		t.Errorf("a change of the source's metadata did not arrive: %v", o.Object["metadata"])
	}
	env.Patch(mirror, `{"data":{"key":"tampered"}}`)
	stays("is set right", "changed")
	km.Kill()
	env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Patch(src, `{"data":{"key":"again"}}`)
	stays("has a change made after a restart", "again")

	t.Log("a key of theirs that the source gets too has the source's value, and goes with it")
	env.Label(src, "example.com/theirs=ours")
	env.WaitFor(mirror, "has the source's value", hasLabel("example.com/theirs", "ours"))
	env.Label(src, "example.com/theirs-")
	env.WaitFor(mirror, "has the label no more", hasLabel("example.com/theirs", ""))

	t.Log("a finalizer of theirs holds up the mirror's deletion, and not its source's")
	env.Delete(src)
	env.WaitGone(src)
	env.WaitFor(mirror, "waits for the finalizer", func(o *unstructured.Unstructured) error {
		if o.GetDeletionTimestamp() == nil {
			return errors.New("it is not being deleted")
		}
		return nil
	})
	env.Patch(mirror, `{"metadata":{"finalizers":null}}`)
	env.WaitGone(mirror)
}

// hasLabel is the check of an object with a label of that value, or without it.
func hasLabel(key, want string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		if got, ok := o.GetLabels()[key]; got != want || ok != (want != "") {
			return fmt.Errorf("its label %s is %q", key, got)
		}
		return nil
	}
}

func TestAMirrorThatIsBeingDeletedByOthersComesAgain(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	mirror := src.In(env.Namespace("a"))
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a")
	first := env.Get(mirror).GetUID()
	env.Patch(mirror, `{"metadata":{"finalizers":["example.com/theirs"]}}`)
	env.Delete(mirror)
	env.Patch(src, `{"data":{"key":"changed"}}`)
	other := kit.Object(configMap, src.Namespace, "other")
	env.Apply(source(other, "target-namespaces=all"))
	waitForMirrors(env, other, "a")
	env.Patch(mirror, `{"metadata":{"finalizers":null}}`)
	env.Eventually("there is a new mirror", func(context.Context) error {
		if o := env.Find(mirror); o == nil || o.GetUID() == first {
			return errors.New("there is not")
		}
		return nil
	})
	env.WaitFor(mirror, "is a copy", isCopyOf(env.Get(src)))
	waitForMirrors(env, src, "a")
}
