package tests

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestAFinalizerOutsideTheSourceNamespacesHoldsUpNoDeletion narrows the flag, and then
// deletes what is outside: a source that was on its way out before, one that goes with
// its namespace. Another is left alone. It is not parallel: to processes of other tests
// these sources are outside too.
func TestAFinalizerOutsideTheSourceNamespacesHoldsUpNoDeletion(t *testing.T) {
	env := kit.New(t)
	inside := kit.Object(configMap, env.Namespace("mine"), "inside")
	outside := kit.Object(configMap, env.Namespace("theirs"), "outside")
	before := kit.Object(configMap, outside.Namespace, "before")
	stays := kit.Object("Secret", env.Namespace("kept"), "stays")
	a := env.Namespace("a")
	all := []kit.Ref{inside, outside, before, stays}
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false")
	for _, r := range all {
		env.Apply(source(r, "target-namespaces=PREFIX-a"))
		waitForMirrors(env, r, "a")
		env.WaitFor(r, "has our finalizer", hasFinalizers(ourFinalizer))
	}
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	env.Delete(before)
	left := env.Get(stays)

	km = env.Start("--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false", "--source-namespaces="+env.Name("mine"))
	env.Eventually("the log names what is outside", func(context.Context) error {
		for _, r := range []kit.Ref{outside, before, stays} {
			line := lineWith(km.Log(), r.Namespace+"/"+r.Name)
			if !strings.Contains(line, "outside --source-namespaces") || !strings.Contains(line, "kubemirror cleanup --source-namespaces") {
				return fmt.Errorf("of %s it says %q", r, line)
			}
		}
		return nil
	})
	if n := linesWith(km.Log(), "outside --source-namespaces"); n != 2 {
		t.Errorf("there are %d lines, want one for each type:\n%s", n, km.Log())
	}

	env.Delete(namespace(outside.Namespace))
	inAMinute := env.Within(time.Minute)
	inAMinute.WaitGone(before)
	waitForNamespaceToDeleteIn(env, outside)
	inAMinute.WaitGone(outside)
	waitForNamespaceToGo(env, outside.Namespace)
	for _, r := range []kit.Ref{outside, before} {
		env.Eventually("the log says who took it off", func(context.Context) error {
			if linesWith(km.Log(), "Took the finalizer off a source outside --source-namespaces", r.Namespace+"/"+r.Name) != 1 {
				return fmt.Errorf("it says nothing of %s", r)
			}
			return nil
		})
		env.Get(r.In(a)) // it may be another process's
	}
	if now := env.Get(stays); now.GetResourceVersion() != left.GetResourceVersion() {
		t.Errorf("a source outside that nobody deletes was written:\n%v\n%v", left, now)
	}
	env.Patch(inside, `{"data":{"key":"changed"}}`)
	env.WaitFor(inside.In(a), "has the change", hasData("changed"))
}

// waitForNamespaceToDeleteIn waits until a source in a namespace that is being deleted
// is being deleted too: the minute begins then.
func waitForNamespaceToDeleteIn(env *kit.Env, r kit.Ref) {
	env.Within(2*time.Minute).Eventually(r.String()+" is being deleted", func(context.Context) error {
		if o := env.Find(r); o != nil && o.GetDeletionTimestamp() == nil {
			return errors.New("it is not")
		}
		return nil
	})
}

// TestTypesThatAreLookedAtNoMoreAreToldAtTheStart: of a type that it may not look at,
// the process can't tell which sources have its finalizer.
func TestTypesThatAreLookedAtNoMoreAreToldAtTheStart(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Eventually("the log says so", func(context.Context) error {
		line := lineWith(km.Log(), "Only the types of --resource-types are looked at")
		if !strings.Contains(line, "finalizer") || !strings.Contains(line, "kubemirror cleanup --resource-types=") {
			return fmt.Errorf("it says %q", line)
		}
		return nil
	})
}

// fullQuota makes a quota of ConfigMaps in a namespace and does for it what its
// controller would. It returns what settles it anew.
func fullQuota(env *kit.Env, name string, hard, used int) (settle func(hard int)) {
	r := kit.Object("ResourceQuota", name, "full")
	env.Apply(fmt.Sprintf("{apiVersion: v1, kind: ResourceQuota, metadata: {namespace: %s, name: full}, spec: {hard: {count/configmaps: \"%d\"}}}", name, hard))
	settle = func(hard int) {
		env.PatchStatus(r, fmt.Sprintf(`{"status":{"hard":{"count/configmaps":"%d"},"used":{"count/configmaps":"%d"}}}`, hard, used))
	}
	settle(hard)
	env.Eventually("the quota is at work", func(context.Context) error {
		err := env.Trial("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: " + name + ", name: trial}}")
		if err == nil || !strings.Contains(err.Error(), "exceeded quota") {
			return fmt.Errorf("the server says %w", err)
		}
		return nil
	})
	return settle
}

// TestASourceWithoutMirrorsCanBeDeletedWithNobodyRunning has a source for each reason
// why a source that is on has no mirror, or has lost the one that it had.
func TestASourceWithoutMirrorsCanBeDeletedWithNobodyRunning(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	for _, name := range []string{"open", "taken", "unmarked", "closes"} {
		env.Namespace(name)
	}
	env.Namespace("refuses", allowMirrors+"=false")
	env.Namespace("unclear", allowMirrors+"=off")
	fullQuota(env, env.Namespace("full"), 0, 0)
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	env.Apply(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-taken, name: taken}}`)
	rows := map[string]struct {
		says, asks string
		then       func() // after it has had a mirror
		status     string
	}{
		"taken": {says: "a foreign object is in its place", asks: "PREFIX-taken", status: "0/1 synced: " + env.Name("taken") + ": ConfigMap"},
		"unmarked": {says: "somebody took the mark off its mirror", asks: "PREFIX-unmarked",
			then: func() { env.Label(ref("unmarked").In(env.Name("unmarked")), domain+"mirror-") }, status: "0/1 synced: " + env.Name("unmarked") + ": ConfigMap"},
		"full":    {says: "a quota is full", asks: "PREFIX-full", status: "0/1 synced: " + env.Name("full") + ": create: forbidden: exceeded quota: full"},
		"refuses": {says: "the namespace refuses", asks: "PREFIX-refuses", status: "0/0 synced: no namespace"},
		"unclear": {says: "the namespace's word can't be read", asks: "PREFIX-unclear", status: "0/0 synced: " + env.Name("unclear") + ": "},
		"closes": {says: "the namespace refuses from now on", asks: "PREFIX-closes",
			then: func() { env.Label(namespace(env.Name("closes")), allowMirrors+"=false") }, status: "0/0 synced: no namespace"},
		"nowhere":  {says: "there is no such namespace", asks: "PREFIX-nowhere", status: "0/1 synced: no namespace"},
		"nothing":  {says: "it asks for none", asks: "", status: "0/0 synced: it asks for no namespace"},
		"stopped":  {says: "it can't be read", asks: "a;b", status: "stopped: "},
		"relabel":  {says: "its label is taken off while nobody runs", asks: "PREFIX-nowhere", status: "0/1 synced: no namespace"},
		"narrowed": {says: "it asks for none any more", asks: "PREFIX-open", then: func() { env.Annotate(ref("narrowed"), domain+"target-namespaces=") }, status: "0/0 synced: it asks"},
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	for name, row := range rows {
		env.Apply(source(ref(name), "target-namespaces="+row.asks))
		if row.then != nil {
			env.WaitFor(ref(name), "is in sync", kit.HasStatus("1/1 synced"))
			env.WaitFor(ref(name), "has the finalizer while it has a mirror", hasFinalizers(ourFinalizer))
			row.then()
		}
	}
	for name, row := range rows {
		env.WaitFor(ref(name), "has no finalizer though "+row.says, func(o *unstructured.Unstructured) error {
			return errors.Join(statusHolds(row.status)(o), hasFinalizers()(o))
		})
	}
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for name, row := range rows {
		if err := hasFinalizers()(env.Get(ref(name))); err != nil {
			t.Errorf("%s: %v", row.says, err)
		}
	}
	env.Label(ref("relabel"), domain+"enabled-")
	for name := range rows {
		env.Delete(ref(name))
		env.WaitGone(ref(name))
	}
}
