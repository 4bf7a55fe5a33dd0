package tenants

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const configMap = "ConfigMap"

// holds is the check of an object with that value.
func holds(want string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		if got, _, _ := unstructured.NestedString(o.Object, "data", "key"); got != want {
			return fmt.Errorf("it holds %q, want %q", got, want)
		}
		return nil
	}
}

// neighbour has one source with one mirror, and changes it.
type neighbour struct {
	env     *kit.Env
	source  kit.Ref
	mirror  kit.Ref
	changes int
}

func newNeighbour(env *kit.Env) *neighbour {
	src := kit.Object(configMap, env.Namespace("good"), "settings")
	n := &neighbour{env: env.Within(2 * time.Minute), source: src, mirror: src.In(env.Namespace("target"))}
	env.Apply(kit.Source(src, "0", "target-namespaces=PREFIX-target"))
	env.WaitFor(n.mirror, "is there", holds("0"))
	return n
}

// median is that of the times that some changes take to arrive.
func (n *neighbour) median() time.Duration {
	const rounds = 9
	var took []time.Duration
	for range rounds {
		n.changes++
		value := fmt.Sprint(n.changes)
		begin := time.Now()
		n.env.Patch(n.source, fmt.Sprintf(`{"data":{"key":%q}}`, value))
		n.env.WaitFor(n.mirror, "follows", holds(value))
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took[rounds/2]
}

// unharmed fails the test if the neighbour's changes take longer than they may while
// somebody else does as he likes.
func (n *neighbour) unharmed(t *testing.T, calm time.Duration) {
	t.Helper()
	harmed := n.median()
	t.Logf("a change takes %s in calm, and %s now", calm.Round(time.Millisecond), harmed.Round(time.Millisecond))
	if most := 10*calm + time.Second; harmed > most {
		t.Errorf("another's change takes %s, in calm it takes %s", harmed, calm)
	}
}

// allTheWhile does something again and again, so many times a second and by several at a
// time if need be, until the returned function is called.
func allTheWhile(aSecond int, do func(n int64)) (stop func()) {
	const several = 4
	ctx, cancel := context.WithCancel(context.Background())
	tick := time.NewTicker(time.Second / time.Duration(aSecond))
	var n atomic.Int64
	var workers sync.WaitGroup
	for range several {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					do(n.Add(1))
				}
			}
		})
	}
	return func() {
		cancel()
		workers.Wait()
		tick.Stop()
	}
}

// stage is a place with a neighbour, what his changes take in calm, the namespace evil,
// and so many that sources there may ask for as any*.
func stage(t *testing.T, targets int) (env *kit.Env, good *neighbour, calm time.Duration) {
	t.Helper()
	env = kit.New(t)
	env.Namespace("evil")
	for n := range targets {
		env.Namespace(fmt.Sprint("any", n))
	}
	env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	good = newNeighbour(env)
	return env, good, good.median()
}

// forged is an object that says of itself that it is a mirror of some source.
func forged(name, sourceName, annotations string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-evil, name: %[1]s, labels: {kubemirror.raczylo.com/mirror: "true"}, annotations: {
		kubemirror.raczylo.com/mirror-id: configmaps/PREFIX-evil/%[1]s, kubemirror.raczylo.com/source-namespace: PREFIX-good, kubemirror.raczylo.com/source-name: %[2]s%[3]s}}}`,
		name, sourceName, annotations)
}

func TestThousandsOfForgedMirrorsHoldUpOnlyTheirOwnNamespace(t *testing.T) {
	for it, name := range map[string]func(n int) string{
		"of sources that are nowhere": func(n int) string { return fmt.Sprint("ghost-", n) },
		"of one that is there":        func(int) string { return "settings" },
	} {
		t.Run(it, func(t *testing.T) {
			env := kit.New(t)
			env.Namespace("evil")
			km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
			good := newNeighbour(env)
			calm := good.median()
			texts := make([]string, 1500)
			for n := range texts {
				texts[n] = forged(fmt.Sprint("forged-", n), name(n), "")
			}
			env.ApplyAll(texts)
			good.unharmed(t, calm)
			if left := len(env.List(configMap, env.Name("evil"), "kubemirror.raczylo.com/mirror=true")); left < 100 {
				t.Errorf("only %d of the forged mirrors were left: they were not there all the while", left)
			}
			// A change that needs a word about the source, too.
			env.Annotate(good.source, "kubemirror.raczylo.com/target-namespaces=PREFIX-target,PREFIX-late")
			late := good.source.In(env.Namespace("late"))
			good.env.WaitFor(late, "is there", kit.Exists)
			good.env.WaitFor(good.source, "says so", kit.HasStatus("2/2 synced"))
			if code := km.Stop(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			// Who finds them at its start is no slower.
			env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
			good.unharmed(t, calm)
		})
	}
}

func TestHundredsOfSourcesThatChangeAllTheTimeHoldUpOnlyTheirOwnNamespace(t *testing.T) {
	const sources, targets, changes = 400, 5, 38
	env, good, calm := stage(t, targets)
	busy := func(n int64) kit.Ref { return kit.Object(configMap, env.Name("evil"), fmt.Sprint("busy-", n%sources)) }
	texts := make([]string, sources)
	for n := range texts {
		texts[n] = kit.Source(busy(int64(n)), "0", "target-namespaces=PREFIX-any*")
	}
	env.ApplyAll(texts)
	defer allTheWhile(changes, func(n int64) { env.Patch(busy(97*n), fmt.Sprintf(`{"data":{"key":"%d"}}`, n)) })()
	good.unharmed(t, calm)
}

func TestSourcesWithHeavyRulesHoldUpOnlyTheirOwnNamespace(t *testing.T) {
	const sources, targets, rules, changes = 60, 10, 20, 50
	env, good, calm := stage(t, targets)
	busy := func(n int64) kit.Ref { return kit.Object(configMap, env.Name("evil"), fmt.Sprint("heavy-", n%sources)) }
	heavy := `{{$n := .TargetNamespace}}{{$l := split "` + strings.Repeat("x", 60) + `" ""}}{{range $l}}{{range $l}}{{range $l}}{{range $l}}{{end}}{{end}}{{end}}{{end}}`
	var list []string
	for n := range rules {
		list = append(list, fmt.Sprintf(`{path: data.heavy-%d, template: '%s'}`, n, heavy))
	}
	texts := make([]string, sources)
	for n := range texts {
		texts[n] = kit.Source(busy(int64(n)), "0", "target-namespaces=PREFIX-any*", "transform=rules: ["+strings.Join(list, ", ")+"]")
	}
	env.ApplyAll(texts)
	defer allTheWhile(changes, func(n int64) { env.Patch(busy(n), fmt.Sprintf(`{"data":{"key":"%d"}}`, n)) })()
	good.unharmed(t, calm)
}
