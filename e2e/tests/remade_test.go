package tests

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// What somebody does for ever, and is not to be met for ever at once.

// keepsThere has somebody make an object again whenever it is gone.
func keepsThere(env *kit.Env, o *unstructured.Unstructured) *kit.Habit {
	return env.Whenever(kit.RefTo(o), func(hands kit.Hands, now *unstructured.Unstructured) error {
		if now != nil {
			return nil
		}
		return hands.Put(o.DeepCopy())
	})
}

// mostOf is the most writes that one object may get in a time: so many at once, then
// one after 0.5, 1, 2, 4 seconds and so on.
func mostOf(free int, elapsed time.Duration) int {
	most := free + 1
	for pause := 500 * time.Millisecond; elapsed > 0; pause *= 2 {
		elapsed -= pause
		most++
	}
	return most
}

// waitForRounds waits until somebody has done something so often. That takes long where
// it is met less and less often.
func waitForRounds(env *kit.Env, h *kit.Habit, rounds int) {
	env.Eventually(fmt.Sprintf("it was done %d times", rounds), func(context.Context) error {
		if got := h.Wrote(); got < rounds {
			return fmt.Errorf("it was done %d times", got)
		}
		return nil
	})
}

// countEvents counts those with a reason.
func countEvents(env *kit.Env, r kit.Ref, reason string) int {
	n := 0
	for _, event := range env.Events(r) {
		if event.Reason == reason {
			n++
		}
	}
	return n
}

func TestAMirrorThatIsRefusedAndMadeAgainIsDeletedLessAndLessOften(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	mirror := src.In(env.Namespace("b"))
	env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a", "b")
	saved := exported(env.Get(mirror), mirror.Namespace)
	env.Label(namespace(mirror.Namespace), allowMirrors+"=false")
	env.WaitGone(mirror)
	env.WaitForEvent(src, "MirrorDeleted", "the namespace refuses mirrors")

	mark := env.Mark()
	begin := time.Now()
	gitops := keepsThere(env.As("gitops"), saved)
	waitForRounds(env, gitops, 8)
	event := env.WaitForEvent(src, "MirrorContested", mirror.Namespace+": somebody keeps making the mirror again")
	env.WaitFor(src, "says so", statusHolds(mirror.Namespace+": somebody keeps making the mirror again that is not to be here"))
	env.WaitFor(src, "lists it", hasFailedIn(mirror.Namespace))
	deletes := km.Since(mark).Where(audit.Filter{Verbs: []string{"delete"}})
	if most := mostOf(5, time.Since(begin)); len(deletes) > most {
		t.Errorf("in %v it deleted %d times, want at most %d:\n%s", time.Since(begin), len(deletes), most, deletes)
	}
	if n := countEvents(env, src, "MirrorContested"); n != 1 {
		t.Errorf("it is told %d times, as %s", n, event)
	}
	if got := km.Metrics().Sum("kubemirror_contested_mirrors"); got != 1 {
		t.Errorf("%v mirrors are fought over", got)
	}
	patches := km.Since(mark).Where(audit.Filter{Verbs: []string{"patch"}})
	if len(patches) > 3 {
		t.Errorf("the source was written to again and again:\n%s", patches)
	}

	t.Log("when that ends, so does the mirror")
	gitops.Stop()
	env.WaitGone(mirror)
	env.Get(src.In(env.Name("a")))
}

func TestAnOrphanThatIsMadeAgainIsDeletedLessAndLessOften(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	orphan := kit.Object(configMap, env.Name("a"), "orphan")
	km := env.Start("--resource-types=ConfigMap.v1")
	o := ofBefore(orphan, src, "")
	o.SetAnnotations(map[string]string{
		domain + "source-namespace": src.Namespace, domain + "source-name": src.Name, domain + "mirror-id": idOf(o),
	})
	mark := env.Mark()
	begin := time.Now()
	gitops := keepsThere(env.As("gitops"), o)
	waitForRounds(env, gitops, 8)
	deletes := km.Since(mark).Where(audit.Filter{Verbs: []string{"delete"}})
	if most := mostOf(5, time.Since(begin)); len(deletes) > most {
		t.Errorf("in %v it deleted %d times, want at most %d:\n%s", time.Since(begin), len(deletes), most, deletes)
	}
	env.WaitForEvent(orphan, "MirrorDeleted", "its source is gone")
	told := func(log string) (n int) {
		for line := range strings.Lines(log) {
			if strings.Contains(line, "somebody keeps making the mirror again") {
				n++
				if !strings.Contains(line, orphan.Namespace) || !strings.Contains(line, orphan.Name) {
					t.Errorf("the line doesn't name the object: %s", line)
				}
			}
		}
		return n
	}
	env.Eventually("the log tells of it", func(context.Context) error {
		if told(km.Log()) == 0 {
			return fmt.Errorf("it says:\n%s", km.Log())
		}
		return nil
	})
	waitForRounds(env, gitops, 9)
	if n := told(km.Log()); n != 1 {
		t.Errorf("the log tells %d times of it:\n%s", n, km.Log())
	}
	gitops.Stop()
	env.WaitGone(orphan)
}

// TestASourceThatTwoTurnOffAndOnIsFollowedLessAndLessOften has an operator strip what
// makes it one, and a GitOps tool restore it, without end.
func TestASourceThatTwoTurnOffAndOnIsFollowedLessAndLessOften(t *testing.T) {
	t.Parallel()
	for key, of := range map[string]struct {
		get func(*unstructured.Unstructured) map[string]string
		set func(*unstructured.Unstructured, map[string]string)
	}{
		"sync":    {(*unstructured.Unstructured).GetAnnotations, (*unstructured.Unstructured).SetAnnotations},
		"enabled": {(*unstructured.Unstructured).GetLabels, (*unstructured.Unstructured).SetLabels},
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			src := kit.Object(configMap, env.Namespace("src"), "settings")
			mirror := src.In(env.Namespace("a"))
			km := env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=1000", "--rate-limit-burst=1000")
			env.Apply(source(src, "target-namespaces=all"))
			env.WaitFor(src, "is mirrored", kit.HasStatus("1/1 synced"))
			turns := func(by *kit.Env, on bool) *kit.Habit {
				return by.Whenever(src, func(hands kit.Hands, now *unstructured.Unstructured) error {
					if now == nil || (of.get(now)[domain+key] == "true") == on {
						return nil
					}
					keys := of.get(now)
					if on && keys == nil {
						keys = map[string]string{}
					}
					if keys[domain+key] = "true"; !on {
						delete(keys, domain+key)
					}
					of.set(now, keys)
					return hands.Put(now)
				})
			}
			mark := env.Mark()
			begin := time.Now()
			operator, gitops := turns(env.As("operator"), false), turns(env.As("gitops"), true)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("they wrote %d and %d times, and we:\n%s", operator.Wrote(), gitops.Wrote(), km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}))
				}
			})
			// They need not let us follow each turn.
			env.Within(2*time.Minute).WaitForEvent(src, "MirrorContested", env.Name("a")+": whether a mirror is to be here keeps changing")
			waitForRounds(env.Within(2*time.Minute), operator, operator.Wrote()+60)
			elapsed := time.Since(begin)
			asked := km.Since(mark)
			writes := asked.Where(audit.Filter{Verbs: []string{"create", "delete"}, Resources: []string{"configmaps"}})
			if most := mostOf(12, elapsed); len(writes) > most {
				t.Errorf("in %v the mirror was made and deleted %d times, want at most %d:\n%s", elapsed, len(writes), most, writes)
			}
			patches := slices.DeleteFunc(asked.Where(audit.Filter{Verbs: []string{"patch"}}), func(r audit.Request) bool {
				return r.Code != 200 // the others write faster, and we try again with the next version
			})
			if most := 2 * mostOf(12, elapsed); len(patches) > most {
				t.Errorf("in %v, while others wrote the source %d times, we did %d times, want at most %d:\n%s",
					elapsed, operator.Wrote()+gitops.Wrote(), len(patches), most, patches)
			}
			if n := countEvents(env, src, "MirrorContested"); n != 1 {
				t.Errorf("it is told %d times: %v", n, env.Events(src))
			}
			operator.Stop()
			env.Within(2*time.Minute).WaitFor(mirror, "is there in the end", isCopyOf(env.Get(src)))
			gitops.Stop()
		})
	}
}

// TestANamespaceThatChangesItsMindIsNobodyChangingMirrors: our own deletions are not
// somebody's changes, however many there are.
func TestANamespaceThatChangesItsMindIsNobodyChangingMirrors(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	chosen := kit.Object(configMap, src.Namespace, "chosen")
	a := env.Namespace("a", "team=blue")
	env.Namespace("b", "team=blue")
	env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=1000", "--rate-limit-burst=1000")
	env.Apply(source(src, "target-namespaces=all"))
	env.Apply(source(chosen, "target-selector=team=blue"))
	for _, r := range []kit.Ref{src, chosen} {
		env.WaitFor(r, "is mirrored", kit.HasStatus("2/2 synced"))
	}
	for n := range 15 {
		env.Label(namespace(a), allowMirrors+"=false")
		if n%3 == 0 {
			env.WaitGone(src.In(a)) // not all of them pass unseen
		}
		env.Label(namespace(a), allowMirrors+"-", "team=red")
		env.Label(namespace(a), "team=blue")
	}
	for _, r := range []kit.Ref{src, chosen} {
		env.Within(2*time.Minute).WaitFor(r.In(a), "is there in the end", isCopyOf(env.Get(r)))
		for _, event := range env.Events(r) {
			if strings.Contains(event.Note, "keeps changing the mirror back") || strings.Contains(event.Note, "keeps making the mirror again") {
				t.Errorf("nobody did: %s", event)
			}
		}
		if text := kit.StatusOf(env.Get(r)); strings.Contains(text, "somebody") {
			t.Errorf("nobody did: %s", text)
		}
	}
}

func TestASourceThatIsFoughtOverIsNoContestedMirror(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	env.WaitFor(src, "has the finalizer", hasFinalizers(ourFinalizer))
	mark := env.Mark()
	begin := time.Now()
	strips := env.As("operator").Whenever(src, func(hands kit.Hands, now *unstructured.Unstructured) error {
		if now == nil || len(now.GetFinalizers()) == 0 {
			return nil
		}
		now.SetFinalizers(nil)
		return hands.Put(now)
	})
	waitForRounds(env, strips, 8)
	if patches := km.Since(mark).Where(audit.Filter{Verbs: []string{"patch"}}); len(patches) > mostOf(5, time.Since(begin)) {
		t.Errorf("in %v it patched %d times:\n%s", time.Since(begin), len(patches), patches)
	}
	if got := km.Metrics().Sum("kubemirror_contested_mirrors"); got != 0 || !km.Metrics().Has("kubemirror_contested_mirrors") {
		t.Errorf("%v mirrors are fought over, and nobody has touched any", got)
	}
	strips.Stop()
	env.WaitFor(src, "has the finalizer in the end", hasFinalizers(ourFinalizer))
}
