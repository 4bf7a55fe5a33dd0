package kit_test

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestAHabitIsDoneWheneverItsObjectChangesUntilItEnds(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	settings := kit.Object("ConfigMap", env.Namespace("app"), "settings")
	text := env.Apply(configMap)
	operator := env.As("operator")
	habit := operator.Whenever(settings, func(hands kit.Hands, now *unstructured.Unstructured) error {
		switch {
		case now == nil:
			again := text.DeepCopy()
			again.SetUID("")
			again.SetResourceVersion("")
			again.SetManagedFields(nil)
			return hands.Put(again)
		case now.GetLabels()["a"] != "b":
			now.SetLabels(map[string]string{"a": "b"})
			return hands.Put(now)
		}
		return nil
	})
	labelled := func(o *unstructured.Unstructured) error {
		if o.GetLabels()["a"] != "b" {
			return fmt.Errorf("it has no label")
		}
		return nil
	}
	env.WaitFor(settings, "is labelled", labelled)
	env.Label(settings, "a-")
	env.WaitFor(settings, "is labelled again", labelled)
	uid := env.Get(settings).GetUID()
	env.Delete(settings)
	made := env.WaitFor(settings, "is made again", func(o *unstructured.Unstructured) error {
		if o.GetUID() == uid {
			return fmt.Errorf("it is the one of before")
		}
		return labelled(o)
	})
	for _, entry := range made.GetManagedFields() {
		if entry.Manager != "operator" {
			t.Errorf("%s wrote it", entry.Manager)
		}
	}
	env.Eventually("all was counted", func(context.Context) error {
		if got := habit.Wrote(); got != 4 {
			return fmt.Errorf("it wrote %d times, want 4", got)
		}
		return nil
	})
	habit.Stop()
	env.Delete(settings)
	env.WaitGone(settings)
	made.SetResourceVersion("")
	if env.CreateIfMissing(made) == nil {
		t.Error("what is not there was not created")
	}
	if env.CreateIfMissing(made) != nil {
		t.Error("what is there was created")
	}
}
