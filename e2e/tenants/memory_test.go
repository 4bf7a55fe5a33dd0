package tenants

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// Each of these made the process grow by all that was put into the cluster.
func TestMemoryDoesNotGrowWithWhatATenantPutsIntoHisNamespace(t *testing.T) {
	const objects, much = 150, 250_000
	for it, c := range map[string]struct {
		object func(env *kit.Env, n int) string
		most   int64 // bytes beyond those of a process that has nothing to do
	}{
		"annotations of what may once have been mirrors": {func(_ *kit.Env, n int) string {
			text := forged(fmt.Sprint("forged-", n), fmt.Sprint("ghost-", n), fmt.Sprintf(", note: %d%s", n, strings.Repeat("x", much)))
			return strings.Replace(text, "kubemirror.raczylo.com/mirror-id", "example.com/mirror-id", 1)
		}, 16 << 20},
		"annotations of mirrors of no source": {func(_ *kit.Env, n int) string {
			return strings.ReplaceAll(forged(fmt.Sprint("forged-", n), "nothing", fmt.Sprintf(", note: %d%s", n, strings.Repeat("x", much))), "kubemirror.raczylo.com/source", "example.com/source")
		}, 16 << 20},
		"content of sources without targets": {func(env *kit.Env, n int) string {
			return kit.Source(kit.Object(configMap, env.Name("evil"), fmt.Sprint("large-", n)), fmt.Sprint(n, strings.Repeat("x", 4*much)))
		}, 16 << 20},
		"content of sources with targets": {func(env *kit.Env, n int) string {
			return kit.Source(kit.Object(configMap, env.Name("evil"), fmt.Sprint("large-", n)), fmt.Sprint(n, strings.Repeat("x", 4*much)), "target-namespaces=PREFIX-target")
		}, 112 << 20}, // 64 MiB of content, and what a collection leaves
	} {
		t.Run(it, func(t *testing.T) {
			env := kit.New(t)
			env.Namespace("evil")
			env.Namespace("target")
			km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
			before, err := km.Memory()
			if err != nil {
				t.Fatal(err)
			}
			texts := make([]string, objects)
			for n := range texts {
				texts[n] = c.object(env, n)
			}
			env.ApplyAll(texts)
			km.WaitQuiet(3 * time.Second)
			// What it took to read all that is given back within seconds.
			env.Eventually("it has not grown", func(context.Context) error {
				after, err := km.Memory()
				if more := after.Anonymous - before.Anonymous; err == nil && more > c.most {
					return fmt.Errorf("it has, by %d MB", more>>20)
				}
				return err
			})
		})
	}
}
