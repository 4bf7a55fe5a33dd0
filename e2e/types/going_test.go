package types

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// widgets applies a definition and sources of its kind, in two namespaces, and waits
// until each has its three mirrors.
func widgets(env *kit.Env, group string) []kit.Ref {
	env.Apply(definition("Widget", group, v1))
	var sources []kit.Ref
	for n, namespace := range []string{"src-1", "src-1", "src-2", "src-2"} {
		src := kit.Object("Widget.v1."+group, env.Name(namespace), fmt.Sprintf("w%d", n))
		env.Apply(source(src, "{spec: {size: 1}}"))
		sources = append(sources, src)
	}
	for _, src := range sources {
		env.WaitFor(src, "is mirrored", kit.HasStatus("3/3 synced"))
		for _, target := range []string{"a", "b"} {
			env.WaitFor(src.In(env.Name(target)), "is a mirror", isCopyOf(env.Get(src)))
		}
	}
	return sources
}

func TestADefinitionThatIsDeletedGoesAndItsKindIsMirroredAgainWhenItReturns(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	for _, name := range []string{"src-1", "src-2", "a", "b"} {
		env.Namespace(name)
	}
	km := env.Start()
	group := env.Prefix() + ".example.com"
	for range 2 {
		sources := widgets(env, group)
		env.Delete(definitionOf("Widget", group))
		env.WaitGone(definitionOf("Widget", group))
		for _, src := range sources {
			if events := env.Events(src); len(events) > 0 {
				t.Errorf("that all objects of the kind go is nobody's problem, and there are events of %s: %v", src, events)
			}
		}
	}
	widgets(env, group)
	if line := lineWith(km.Log(), "problem"); line != "" {
		t.Errorf("that all objects of the kind go is nobody's problem, and the log has %s", line)
	}
}

// TestADefinitionThatIsDeletedWhileNobodyLooksGoesOnceSomebodyDoes starts the process
// when the definition is going already and waits for the finalizers of its objects.
func TestADefinitionThatIsDeletedWhileNobodyLooksGoesOnceSomebodyDoes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		says  string
		flags []string
	}{
		{"with all types", nil},
		{"with named types", []string{"--resource-types=ConfigMap.v1,Widget.v1.GROUP"}},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			for _, name := range []string{"src-1", "src-2", "a", "b"} {
				env.Namespace(name)
			}
			group := env.Prefix() + ".example.com"
			if row.flags != nil {
				row.flags[0] = "--resource-types=ConfigMap.v1,Widget.v1." + group
			}
			km := env.Start(row.flags...)
			sources := widgets(env, group)
			if code := km.Stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			env.Delete(definitionOf("Widget", group))
			env.Eventually("the sources, and they alone, are left", func(context.Context) error {
				for _, src := range sources {
					if o := env.Find(src.In(env.Name("a"))); o != nil {
						return fmt.Errorf("%s is there", src.In(env.Name("a")))
					}
				}
				return nil
			})
			env.WaitFor(sources[0], "waits for its finalizer", func(o *unstructured.Unstructured) error {
				if o.GetDeletionTimestamp() == nil {
					return errors.New("it is not being deleted")
				}
				return nil
			})
			env.Launch(kit.Launch{Flags: row.flags})
			env.WaitGone(definitionOf("Widget", group))
		})
	}
}
