package mirror

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// queued counts the keys that were put into a queue.
type queued[K comparable] map[K]int

func (q queued[K]) Add(key K)                       { q[key]++ }
func (q queued[K]) AddAfter(key K, _ time.Duration) { q[key]++ }

func TestALookThatCameBeforeTheListsIsMadeAgain(t *testing.T) {
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	mirrors := queued[MirrorKey]{}
	c := NewController(Config{Settings: Settings{MaxTargets: 100}, Sources: queued[SourceKey]{}, Mirrors: mirrors})
	src := &Source{identity: identity{Namespace: "src", Name: "settings"}, Mode: On, MaxTargets: -1}
	src.Targets, _ = ParseTargets("*", "")
	key := c.table(resource).sourceKey(src.key())
	c.Namespaces().Set(&Namespace{identity: identity{Name: "a"}})
	c.SourcesOf(resource).Set(src)
	going := &Namespace{identity: identity{Name: "going"}, Terminating: true}
	c.Namespaces().Set(going)
	c.Namespaces().Gone(going, "")
	if st := c.state(key); len(st.pending) == 0 {
		t.Fatal("nobody looks at the namespace that goes")
	}
	clear(mirrors) // those were looked at too early, and have told nothing

	c.Ready(resource)
	c.fanOut(key, c.table(resource), src, c.state(key))
	for namespace := range c.state(key).pending {
		if mirrors[MirrorKey{key, namespace}] == 0 {
			t.Errorf("the source's status waits for %s, at which nobody looks", namespace)
		}
	}
	if asked := c.state(key).asked; len(asked) != 1 || !asked["a"] {
		t.Errorf("it asks for %v, want only a", asked)
	}
}
