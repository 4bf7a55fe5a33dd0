package types

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// TestAStatusOfAKindWithoutTheSubresourceStaysOnTheMirror has an operator write to the
// mirror what on such a kind each replacement of the object would take away.
func TestAStatusOfAKindWithoutTheSubresourceStaysOnTheMirror(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	group := env.Prefix() + ".example.com"
	env.Apply(definition("Widget", group, v1))
	src := kit.Object("Widget.v1."+group, env.Namespace("src"), "w")
	mirror := src.In(env.Namespace("a"))
	km := env.Start()
	env.Apply(source(src, "{spec: {size: 0}, status: {phase: Original}}"))
	env.WaitFor(src, "is mirrored", isInSync)
	if o := env.WaitFor(mirror, "is there", kit.Exists); o.Object["status"] != nil {
		t.Errorf("it has its source's status: %v", o.Object["status"])
	}

	settles(env, km, 500*time.Millisecond)
	begin := env.Mark()
	env.Patch(mirror, `{"status":{"phase":"Ready","size":1.5}}`)
	settles(env, km, 500*time.Millisecond)
	if writes := km.Since(begin).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("a status starts writes:\n%s", writes)
	}
	env.Patch(src, `{"status":{"phase":"Changed"}}`)
	stays := func(size int) {
		t.Helper()
		env.Patch(src, fmt.Sprintf(`{"spec":{"size":%d}}`, size))
		o := env.WaitFor(mirror, "has the change", isCopyOf(env.Get(src)))
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		fraction, _, _ := unstructured.NestedFloat64(o.Object, "status", "size")
		if phase != "Ready" || fraction != 1.5 {
			t.Errorf("its status is %v", o.Object["status"])
		}
	}
	for size := range 5 { // in a row: a write that follows another one, before its echo too
		stays(size + 1)
	}
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	env.Start()
	stays(10)
}
