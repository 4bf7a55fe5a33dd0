package limits

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const (
	domain    = "kubemirror.raczylo.com/"
	configMap = "ConfigMap"
)

// holds is the check of an object with that value.
func holds(want string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		if got, _, _ := unstructured.NestedString(o.Object, "data", "key"); got != want {
			return fmt.Errorf("it holds %q, want %q", got, want)
		}
		return nil
	}
}

// slips are ways in which a source can't be read.
var slips = []string{
	"target-namespaces=a;b", "target-selector==", "target-namespace=a", "max-targets=many", "transform=rules: [{path: data.key}]",
	"transform={", "target-name={{ .Nme }}", "paused=yes", "exclude=TRUE", "transform-strict=1",
}

func TestI7AThousandSourcesThatCantBeReadHoldUpNobody(t *testing.T) {
	const many = 1000
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	before, err := km.Memory()
	if err != nil {
		t.Fatal(err)
	}
	mark := env.Mark()
	texts := make([]string, many)
	for i := range texts {
		texts[i] = kit.Source(kit.Object(configMap, src, fmt.Sprintf("bad-%04d", i)), "secret", "target-namespaces=all", slips[i%len(slips)])
	}
	env.ApplyAll(texts)
	good := kit.Object(configMap, env.Namespace("other"), "good")
	env.Apply(kit.Source(good, "one", "target-namespaces=PREFIX-a"))
	env.WaitFor(good.In(a), "is mirrored though others can't be read", holds("one"))
	env.Within(2*time.Minute).Eventually("each of them says why", func(context.Context) error {
		silent := 0
		for _, o := range env.List(configMap, src, domain+"enabled=true") {
			if kit.StatusOf(&o) == "" {
				silent++
			}
		}
		if silent > 0 {
			return fmt.Errorf("%d say nothing", silent)
		}
		return nil
	})
	km.WaitQuiet(time.Second)
	asked := km.Since(mark)
	if n := len(asked.Where(audit.Filter{Verbs: []string{"patch"}, Resources: []string{"configmaps"}})); n > many+many/10 { // some may be told of one target before the other
		t.Errorf("%d patches of %d sources", n, many+1)
	}
	if n := len(asked.Where(audit.Filter{Verbs: []string{"create"}, Resources: []string{"configmaps"}})); n != 1 {
		t.Errorf("%d mirrors were made, want the one of the source that can be read", n)
	}
	after, err := km.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if more := after.Anonymous - before.Anonymous; more > 32<<20 {
		t.Errorf("they cost %d KB of memory", more>>10)
	}
}

func TestTenThousandNamespacesAreServedAndOneMoreCostsOneWrite(t *testing.T) {
	const many = 10_000
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	texts := make([]string, many)
	for i := range texts {
		texts[i] = fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"PREFIX-n%05d"}}`, i)
	}
	env.Within(2 * time.Minute).ApplyAll(texts)
	flags := []string{"--resource-types=ConfigMap.v1", "--leader-elect=false", "--max-targets=20000", "--rate-limit-qps=100000", "--rate-limit-burst=100000"}
	km := env.Start(flags...)
	env.Apply(kit.Source(src, "one", "target-namespaces=PREFIX-n*"))
	env.Within(3*time.Minute).WaitFor(src, "is everywhere", kit.HasStatus(fmt.Sprintf("%[1]d/%[1]d synced", many)))
	km.WaitQuiet(time.Second)

	mark := env.Mark()
	env.Namespace("n-late")
	env.WaitFor(src.In(env.Name("n-late")), "is mirrored", holds("one"))
	env.WaitFor(src, "counts it", kit.HasStatus(fmt.Sprintf("%[1]d/%[1]d synced", many+1)))
	if asked := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(asked) != 2 {
		t.Errorf("one namespace more took other writes than a mirror and a status:\n%s", asked)
	}
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	mark = env.Mark()
	km = env.Start(flags...)
	km.WaitQuiet(2 * time.Second)
	if asked := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(asked) > 0 {
		t.Errorf("a restart wrote:\n%s", asked)
	}
	memory, err := km.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if memory.Anonymous > 64<<20 {
		t.Errorf("it takes %d MB of memory", memory.Anonymous>>20)
	}
}

func TestASourceThatChangesAllTheTimeHoldsUpNobodyAndIsRightInTheEnd(t *testing.T) {
	env := kit.New(t)
	src := env.Namespace("src")
	for i := range 20 {
		env.Namespace(fmt.Sprintf("n%02d", i))
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	busy, calm := kit.Object(configMap, src, "busy"), kit.Object(configMap, src, "calm")
	for _, r := range []kit.Ref{busy, calm} {
		env.Apply(kit.Source(r, "0", "target-namespaces=PREFIX-n*"))
		env.WaitFor(r, "is everywhere", kit.HasStatus("20/20 synced"))
	}
	mark := env.Mark()
	var stop atomic.Bool
	changes := make(chan int)
	go func() {
		n := 0
		for tick := time.NewTicker(10 * time.Millisecond); !stop.Load(); <-tick.C {
			n++
			env.Patch(busy, fmt.Sprintf(`{"data":{"key":"%d"}}`, n))
		}
		changes <- n
	}()
	for round := range 10 {
		value := fmt.Sprint("calm-", round)
		env.Patch(calm, fmt.Sprintf(`{"data":{"key":%q}}`, value))
		for i := range 20 {
			env.WaitFor(calm.In(env.Name(fmt.Sprintf("n%02d", i))), "follows though another changes all the time", holds(value))
		}
	}
	stop.Store(true)
	n := <-changes
	for i := range 20 {
		env.WaitFor(busy.In(env.Name(fmt.Sprintf("n%02d", i))), "is right in the end", holds(fmt.Sprint(n)))
	}
	env.WaitFor(busy, "says so", kit.HasStatus("20/20 synced"))
	if events := env.Events(busy); len(events) > 0 {
		t.Errorf("its author was told: %v", events)
	}
	updates := km.Since(mark).Where(audit.Filter{Verbs: []string{"update"}, Resources: []string{"configmaps"}})
	if most := 20 * (n + 10); len(updates) > most {
		t.Errorf("%d writes for %d changes of 20 mirrors", len(updates), n+10)
	}
}

// The API server fails every list of the kind as long as the object is there.
func TestI5AnObjectThatTheServerCantReadDeletesNothingAndHoldsUpNoOtherKind(t *testing.T) {
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	settings, secret := kit.Object(configMap, src, "settings"), kit.Object("Secret", src, "credentials")
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false")
	env.Apply(kit.Source(settings, "one", "target-namespaces=all"))
	env.Apply(kit.Source(secret, "one", "target-namespaces=all"))
	env.WaitFor(settings, "is mirrored", kit.HasStatus("1/1 synced"))
	env.WaitFor(secret, "is mirrored", kit.HasStatus("1/1 synced"))
	uid := env.Get(settings.In(a)).GetUID()

	key := "/registry/configmaps/" + src + "/poison"
	if err := env.ControlPlane().PutIntoEtcd(t.Context(), key, []byte("k8s\x00this is no object")); err != nil {
		t.Fatal(err)
	}
	mark := env.Mark()
	env.Patch(secret, `{"data":{"key":"dHdv"}}`)
	env.WaitFor(secret.In(a), "follows while the process runs", holds("dHdv"))
	asked := km.Since(mark)
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	// It is ready a minute later at most: until then, the server may be about to answer.
	km = env.Launch(kit.Launch{Flags: []string{"--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false"}})
	env.Patch(secret, `{"data":{"key":"dGhyZWU="}}`)
	env.WaitFor(secret.In(a), "follows after a restart", holds("dGhyZWU="))
	asked = append(asked, km.Since(mark)...)
	if deleted := asked.Where(audit.Filter{Verbs: []string{"delete"}}); len(deleted) > 0 {
		t.Errorf("it deleted:\n%s", deleted)
	}

	if err := env.ControlPlane().DeleteFromEtcd(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	env = env.Within(2 * time.Minute) // the server waits longer and longer before it lists again, and so do we
	env.Patch(settings, `{"data":{"key":"two"}}`)
	env.WaitFor(settings.In(a), "follows when the object is gone", holds("two"))
	km.WaitReady()
	if now := env.Get(settings.In(a)).GetUID(); now != uid {
		t.Error("the mirror was made anew")
	}
}
