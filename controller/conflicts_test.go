package controller

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Whoever has foreign objects in the way of many mirrors, of his own or of another's, takes
// the watches of nobody else.
func TestWatchesOfForeignObjectsAreSharedAmongNamespaces(t *testing.T) {
	kind := configMapsType.GroupResource()
	key := func(from, to string, n int) (object, mirror.MirrorKey) {
		name := fmt.Sprint("s", n)
		return object{kind, types.NamespacedName{Namespace: to, Name: name}}, mirror.MirrorKey{Source: mirror.SourceKey{Type: kind, Namespace: from, Name: name}, Namespace: to}
	}
	for it, c := range map[string]struct{ from, to func(n int) string }{
		"of one namespace's sources": {func(int) string { return "evil" }, func(n int) string { return fmt.Sprint("a", n) }},
		"in one namespace":           {func(n int) string { return fmt.Sprint("a", n) }, func(int) string { return "evil" }},
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			for n := range 3 * maxWatched {
				o, k := key(c.from(n), c.to(n), n)
				r.Controller.mirrors.block(context.Background(), o, k, configMapsType)
			}
			if n := r.conflicts.watched; n != maxWatchedBy {
				t.Errorf("%d are watched", n)
			}
			if n := len(r.mirrors.later); n != 3*maxWatched-maxWatchedBy {
				t.Errorf("%d are tried again later", n)
			}
			o, k := key("good", "elsewhere", 0)
			r.Controller.mirrors.block(context.Background(), o, k, configMapsType)
			if b := r.conflicts.blocked[o]; b == nil || b.unwatch == nil {
				t.Error("another's isn't watched")
			}
			for o := range r.conflicts.blocked {
				r.conflicts.unblock(o)
			}
			if r.conflicts.watched != 0 || len(r.conflicts.byAccount) != 0 {
				t.Errorf("in the end %d are watched, on account of %v", r.conflicts.watched, r.conflicts.byAccount)
			}
		})
	}
}
