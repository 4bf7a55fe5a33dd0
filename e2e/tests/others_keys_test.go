package tests

import (
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

// adorn has somebody put a label, an annotation and an owner on an object, and a
// finalizer too where that is asked for.
func adorn(env *kit.Env, r kit.Ref, finalizers ...string) {
	owner := env.Apply(fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": %q, "name": "owner"}}`, r.Namespace))
	others := env.As("others")
	others.Label(r, "example.com/theirs=label")
	others.Annotate(r, "example.com/theirs=annotation")
	quoted := "null"
	if len(finalizers) > 0 {
		quoted = `["` + strings.Join(finalizers, `","`) + `"]`
	}
	others.Patch(r, fmt.Sprintf(`{"metadata":{"finalizers":%s,"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":%q}]}}`, quoted, owner.GetUID()))
}

// isAdorned is the check of a mirror that has all that adorn has put on it.
func isAdorned(finalizers ...string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		errs := []error{hasLabel("example.com/theirs", "label")(o)}
		if got := o.GetAnnotations()["example.com/theirs"]; got != "annotation" {
			errs = append(errs, fmt.Errorf("their annotation is %q", got))
		}
		if got := o.GetOwnerReferences(); len(got) != 1 || got[0].Name != "owner" {
			errs = append(errs, fmt.Errorf("its owners are %v", got))
		}
		if got := o.GetFinalizers(); !slices.Equal(got, finalizers) {
			errs = append(errs, fmt.Errorf("its finalizers are %q, want %q", got, finalizers))
		}
		return errors.Join(errs...)
	}
}

// both is the check of an object that passes two.
func both(one, other kit.Check) kit.Check {
	return func(o *unstructured.Unstructured) error { return errors.Join(one(o), other(o)) }
}

// TestWhatOthersPutOnAnImmutableMirrorIsThereWhenItIsMadeAnew has its content change
// by a rule, and has a finalizer of somebody hold up the deletion in between.
func TestWhatOthersPutOnAnImmutableMirrorIsThereWhenItIsMadeAnew(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a := env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false")
	for _, kind := range []string{configMap, "Secret"} {
		for name, finalizers := range map[string][]string{"plain": nil, "held": {"example.com/theirs"}} {
			r := kit.Object(kind, src, strings.ToLower(kind)+"-"+name)
			mirror := r.In(a)
			env.Apply(strings.Replace(source(r, "target-namespaces=all"), `{`, `{"immutable":true,`, 1))
			env.WaitFor(r, "is mirrored", kit.HasStatus("1/1 synced"))
			adorn(env, mirror, finalizers...)
			uid := env.Get(mirror).GetUID()
			for _, value := range []string{"two", "three"} {
				env.Annotate(r, domain+"transform=rules: [{path: data.key, value: "+value+"}]")
				if len(finalizers) > 0 {
					env.WaitFor(mirror, "waits for the finalizer", func(o *unstructured.Unstructured) error {
						if o.GetDeletionTimestamp() == nil {
							return errors.New("it is not being deleted")
						}
						return nil
					})
					env.Patch(mirror, `{"metadata":{"finalizers":null}}`)
				}
				o := env.WaitFor(mirror, "has the new content and what others put there", both(hasData(value), isAdorned(finalizers...)))
				if o.GetUID() == uid || o.Object["immutable"] != true {
					t.Errorf("%s is the one of before, or can be changed: %v", mirror, o)
				}
				uid = o.GetUID()
				env.WaitFor(r, "says that all is well", kit.HasStatus("1/1 synced"))
			}
			if len(finalizers) > 0 {
				env.Patch(mirror, `{"metadata":{"finalizers":null}}`)
			}
		}
	}
}

// TestAMirrorWhoseMarksSomebodyEditsIsPutRightWithWhatOthersPutThere: whose it is, its
// other marks tell.
func TestAMirrorWhoseMarksSomebodyEditsIsPutRightWithWhatOthersPutThere(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a := env.Namespace("a")
	refs, types := threeKinds(env, src)
	km := env.Start(types, "--leader-elect=false")
	for _, r := range refs {
		env.Label(r, "team=blue")
		mirror := r.In(a)
		env.WaitFor(mirror, "has what its source has", hasLabel("team", "blue"))
		adorn(env, mirror, "example.com/theirs")
		uid := env.Get(mirror).GetUID()
		for _, edit := range []string{
			"source-name=nobody", "source-namespace=" + a, "source-uid=1", "source-uid-", "source-keys=;", "source-keys-",
			"source-keys=nonsense;;", "mirror-id-",
		} {
			km.WaitQuiet(100 * time.Millisecond)
			env.Annotate(mirror, domain+edit)
			o := env.WaitFor(mirror, "is right again after "+edit, func(o *unstructured.Unstructured) error {
				return errors.Join(isAdorned("example.com/theirs")(o), hasMarks(o.DeepCopy(), env.Get(r)), sameFields(o, env.Get(r)), hasLabel("team", "blue")(o))
			})
			if o.GetUID() != uid {
				t.Errorf("%s was made anew after %s", mirror, edit)
			}
		}
		env.Patch(mirror, `{"metadata":{"finalizers":null}}`)
	}
}

// TestAMirrorThatNamesAnotherObjectIsForeign until its name is put right: each of three
// mirrors calls itself something else.
func TestAMirrorThatNamesAnotherObjectIsForeign(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a := env.Namespace("a")
	refs, types := threeKinds(env, src)
	km := env.Start(types, "--leader-elect=false")
	for i, r := range refs {
		env.WaitFor(r, "is mirrored", kit.HasStatus("1/1 synced"))
		mirror := r.In(a)
		before := env.Get(mirror)
		id := []string{"nonsense", strings.Replace(idOf(before), "/"+a+"/", "/"+src+"/", 1), idOf(before) + "x"}[i]
		env.Annotate(mirror, domain+"mirror-id="+id)
		version := env.Get(mirror).GetResourceVersion()
		env.WaitFor(r, "says what is in the way", statusHolds("0/1 synced: "+a+": "))
		env.Label(r, "team=blue")
		km.WaitQuiet(300 * time.Millisecond)
		if got := env.Get(mirror); got.GetResourceVersion() != version {
			t.Errorf("%s calls itself %s and was written to: %v", mirror, id, got)
		}
		env.Annotate(mirror, domain+"mirror-id="+idOf(before))
		if o := env.WaitFor(mirror, "is a mirror again", isCopyOf(env.Get(r))); o.GetUID() != before.GetUID() {
			t.Errorf("%s was made anew", mirror)
		}
		env.WaitFor(r, "is in sync", kit.HasStatus("1/1 synced"))

		env.Annotate(mirror, domain+"mirror-id="+id)
		version = env.Get(mirror).GetResourceVersion()
		env.Delete(r)
		env.WaitGone(r)
		km.WaitQuiet(300 * time.Millisecond)
		if got := env.Find(mirror); got == nil || got.GetResourceVersion() != version {
			t.Errorf("%s was deleted or written to when its source went: %v", mirror, got)
		}
	}
}

// TestALabelThatTheSourceDropsGoesFromARestoredMirror: a restore makes the mirror anew
// by another hand, and the server's record of who wrote what is gone.
func TestALabelThatTheSourceDropsGoesFromARestoredMirror(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a := env.Namespace("a")
	refs, types := threeKinds(env, src)
	km := env.Start(types, "--leader-elect=false")
	velero := env.As("velero")
	for _, r := range refs {
		env.Label(r, "example.com/ours=label", "example.com/kept=label")
		env.Annotate(r, "example.com/ours=annotation")
		env.WaitFor(r.In(a), "has what its source has", isCopyOf(env.Get(r)))
		env.Label(r.In(a), "example.com/theirs=label")
	}
	km.WaitQuiet(300 * time.Millisecond)
	km.Kill()
	for _, r := range refs {
		saved := exported(env.Get(r.In(a)), a)
		env.Delete(r.In(a))
		env.WaitGone(r.In(a))
		velero.Create(saved)
	}
	km = env.Start(types, "--leader-elect=false")
	km.WaitQuiet(300 * time.Millisecond)
	for _, r := range refs {
		env.Label(r, "example.com/ours-")
		env.Annotate(r, "example.com/ours-")
		env.WaitFor(r.In(a), "has what its source has, and what others put there", func(o *unstructured.Unstructured) error {
			err := hasLabel("example.com/theirs", "label")(o)
			o.SetLabels(without(o.GetLabels(), "example.com/theirs"))
			return errors.Join(err, isCopyOf(env.Get(r))(o))
		})
	}
}

// TestWhatOthersPutOnAMirrorStaysHoweverMuchItIs: it is not kept in memory, and read when
// the mirror is written.
func TestWhatOthersPutOnAMirrorStaysHoweverMuchItIs(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a := env.Namespace("a")
	refs, types := threeKinds(env, src)
	km := env.Start(types, "--leader-elect=false")
	much := strings.Repeat("x", 200_000)
	hasNote := func(o *unstructured.Unstructured) error {
		if got := len(o.GetAnnotations()["example.com/note"]); got != len(much) {
			return fmt.Errorf("their note has %d bytes", got)
		}
		return nil
	}
	for _, r := range refs {
		mirror := r.In(a)
		env.WaitFor(r, "is mirrored", kit.HasStatus("1/1 synced"))
		adorn(env, mirror, "example.com/theirs")
		env.As("others").Annotate(mirror, "example.com/note="+much)
		all := both(hasNote, isAdorned("example.com/theirs"))
		km.WaitQuiet(300 * time.Millisecond)
		mark := env.Mark()
		env.Label(r, "team=blue")
		env.WaitFor(mirror, "follows its source", both(hasLabel("team", "blue"), all))
		env.Label(mirror, "team=red")
		env.WaitFor(mirror, "is put right", both(hasLabel("team", "blue"), all))
		env.Label(r, "team-")
		env.WaitFor(mirror, "loses what its source loses", both(func(o *unstructured.Unstructured) error {
			if team, has := o.GetLabels()["team"]; has {
				return fmt.Errorf("team is %q", team)
			}
			return nil
		}, all))
		km.WaitQuiet(300 * time.Millisecond)
		if writes := km.Since(mark).Where(audit.Filter{Verbs: []string{"update", "create", "delete"}}); len(writes) != 3 {
			t.Errorf("%s took other writes than three:\n%s", mirror, writes)
		}
	}
	km.Stop()
	mark := env.Mark()
	km = env.Start(types, "--leader-elect=false")
	km.WaitQuiet(300 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("a restart wrote:\n%s", writes)
	}
	for _, r := range refs {
		env.Patch(r.In(a), `{"metadata":{"finalizers":null}}`)
	}
}
