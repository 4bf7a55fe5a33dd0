package types

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestAKindMovesToItsNewVersionWithItsMirrors(t *testing.T) {
	t.Parallel()
	// A field that the new version alone has, with a default.
	const more = `{type: object, properties: {spec: {type: object, default: {}, properties: {
		size: {type: integer}, color: {type: string, default: blue}, parts: {type: array, items: {type: object, properties: {
			name: {type: string}, weight: {type: integer, default: 1}}}}}}}}`
	for _, row := range []struct {
		says     string
		old, new []version
	}{
		{"that is served beside the old one, which is stored",
			[]version{{name: "v1beta1", storage: true}},
			[]version{{name: "v1beta1", storage: true}, {name: "v1"}}},
		{"that is stored",
			[]version{{name: "v1beta1", storage: true}},
			[]version{{name: "v1beta1"}, v1}},
		{"that is served in place of the old one",
			[]version{{name: "v1beta1", storage: true}},
			[]version{{name: "v1beta1", hidden: true}, v1}},
		{"that has more defaults",
			[]version{{name: "v1beta1", storage: true, schema: "{type: object, properties: {spec: {type: object, properties: {size: {type: integer}, parts: {type: array, items: {type: object, properties: {name: {type: string}}}}}}}}"}},
			[]version{{name: "v1beta1", schema: more}, {name: "v1", storage: true, schema: more}}},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			for _, name := range []string{"src", "a", "b"} {
				env.Namespace(name)
			}
			group := env.Prefix() + ".example.com"
			env.Apply(definition("Widget", group, row.old...))
			src := kit.Object("Widget.v1beta1."+group, env.Name("src"), "w")
			env.Apply(source(src, "{spec: {size: 1, parts: [{name: wheel}, {name: door}]}}"))
			km := env.Start()
			env.WaitFor(src, "is mirrored", kit.HasStatus("2/2 synced"))
			mirrors := map[string]types.UID{}
			for _, target := range []string{env.Name("a"), env.Name("b")} {
				mirrors[target] = env.Get(src.In(target)).GetUID()
			}

			moves := env.Mark()
			env.Apply(definition("Widget", group, row.new...))
			env.Eventually("the log says that the kind has moved", func(context.Context) error {
				if lineWith(km.Log(), "resource discovery", `"Widget.v1.`+group, `"Widget.v1beta1.`+group) == "" {
					return errors.New("no line")
				}
				return nil
			})
			settles(env, km, time.Second)
			for write, n := range writesOfWidgets(km, moves) {
				if n > 1 || !strings.HasPrefix(write, "update in ") {
					t.Errorf("the move alone takes %d times %s", n, write)
				}
			}
			src.Kind = "Widget.v1." + group
			env.Patch(src, `{"spec":{"size":2}}`)
			env.WaitFor(src, "is in sync", kit.HasStatus("2/2 synced"))
			for target, uid := range mirrors {
				if mirror := env.WaitFor(src.In(target), "has the change", isCopyOf(env.Get(src))); mirror.GetUID() != uid {
					t.Errorf("the mirror in %s is another one", target)
				}
			}
			writes := writesOfWidgets(km, moves)
			// One for the move, at most, and one for the change.
			for write, n := range writes {
				if write == "patch in "+env.Name("src") {
					continue
				}
				if write != "update in "+env.Name("a") && write != "update in "+env.Name("b") || n > 2 {
					t.Errorf("%d times %s; in all: %v", n, write, writes)
				}
			}
			t.Log(fmt.Sprint(writes))
		})
	}
}

// writesOfWidgets counts what the process wrote since the mark, by verb and namespace.
func writesOfWidgets(km *kit.Kubemirror, begin audit.Mark) map[string]int {
	writes := map[string]int{}
	for _, r := range km.Since(begin).Where(audit.Filter{Verbs: audit.Writes, Resources: []string{"widgets"}}) {
		writes[r.Verb+" in "+r.Namespace]++
	}
	return writes
}

func TestTwoKindsOfOneNameDontMix(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	one := kit.Object("Widget.v1.one."+env.Prefix()+".example.com", src, "w")
	two := kit.Object("Widget.v1.two."+env.Prefix()+".example.com", src, "w")
	for n, group := range []string{"one.PREFIX.example.com", "two.PREFIX.example.com"} {
		env.Apply(definition("Widget", group, v1))
		env.Apply(source([]kit.Ref{one, two}[n], fmt.Sprintf("{spec: {from: %d}}", n)))
	}
	env.Start()
	for _, r := range []kit.Ref{one, two} {
		env.WaitFor(r, "is mirrored", isInSync)
		env.WaitFor(r.In(a), "is a copy of its own source", isCopyOf(env.Get(r)))
	}
	env.Patch(one, `{"spec":{"from":"elsewhere"}}`)
	env.WaitFor(one.In(a), "is a copy of its own source", isCopyOf(env.Get(one)))
	kept := env.Get(two.In(a))
	env.Delete(one)
	env.WaitGone(one)
	env.WaitGone(one.In(a))
	if now := env.Get(two.In(a)); now.GetResourceVersion() != kept.GetResourceVersion() {
		t.Errorf("the mirror of the other kind was written: %v", now)
	}
	env.Delete(definitionOf("Widget", "one."+env.Prefix()+".example.com"))
	env.WaitGone(definitionOf("Widget", "one."+env.Prefix()+".example.com"))
	env.Patch(two, `{"spec":{"from":"elsewhere"}}`)
	env.WaitFor(two.In(a), "is a copy of its own source", isCopyOf(env.Get(two)))
}
