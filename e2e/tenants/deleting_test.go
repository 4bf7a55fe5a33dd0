package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// Eleven changes a second were enough to keep another's source from going.
func TestAMirrorThatChangesAllTheTimeDoesNotKeepItsSource(t *testing.T) {
	for it, c := range map[string]struct{ targets, name string }{
		"a forged one, where the source wants none":    {"PREFIX-target", "forged"},
		"a forged one, where the source wants another": {"PREFIX-target,PREFIX-evil", "forged"},
		"its own": {"PREFIX-target,PREFIX-evil", "settings"},
	} {
		t.Run(it, func(t *testing.T) {
			env := kit.New(t)
			evil := env.Namespace("evil")
			src := kit.Object(configMap, env.Namespace("good"), "settings")
			target := src.In(env.Namespace("target"))
			env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
			env.Apply(kit.Source(src, "0", "target-namespaces="+c.targets))
			env.WaitFor(target, "is there", kit.Exists)
			busy := kit.Object(configMap, evil, c.name)
			if c.name == "settings" {
				env.WaitFor(busy, "is there", kit.Exists)
			}
			var made atomic.Int64
			defer allTheWhile(30, func(n int64) {
				made.Store(n)
				env.PatchIfThere(busy, fmt.Sprintf(`{"metadata":{"annotations":{"note":"%d"}}}`, n))
			})()
			if c.name == "forged" {
				env.Apply(forged(c.name, "settings", ", kubemirror.raczylo.com/source-uid: "+string(env.Get(src).GetUID())))
			}
			env.Eventually("it changes", func(context.Context) error {
				if made.Load() == 0 {
					return errors.New("not yet")
				}
				return nil
			})
			env.Within(10 * time.Second).Delete(src)
			env.Within(10 * time.Second).WaitGone(src)
			env.WaitGone(target)
			env.Within(time.Minute).WaitGone(busy)
		})
	}
}
