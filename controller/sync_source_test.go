package controller

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// queued counts the keys that were put into a queue.
type queued[K comparable] map[K]int

func (q queued[K]) Add(key K)                       { q[key]++ }
func (q queued[K]) AddCharged(key K, _ string)      { q[key]++ }
func (q queued[K]) AddAfter(key K, _ time.Duration) { q[key]++ }

func TestALookThatCameBeforeTheListsIsMadeAgain(t *testing.T) {
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	mirrors := queued[mirror.MirrorKey]{}
	c := New(Config{Settings: mirror.Settings{MaxTargets: 100}, Sources: queued[mirror.SourceKey]{}, Mirrors: mirrors})
	src := &mirror.Source{Identity: mirror.Identity{Namespace: "src", Name: "settings"}, Mode: mirror.On, MaxTargets: -1}
	src.Targets, _ = mirror.ParseTargets("*", "")
	key := c.tables.table(resource).sourceKey(src.Key())
	c.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "a"}})
	c.SourcesOf(resource).Set(src)
	going := &mirror.Namespace{Identity: mirror.Identity{Name: "going"}, Terminating: true}
	c.Namespaces().Set(going)
	c.Namespaces().Gone(types.NamespacedName{Name: going.Name}, going.UID, "")
	if st := c.stateLocked(key); len(st.pending) == 0 {
		t.Fatal("nobody looks at the namespace that goes")
	}
	clear(mirrors) // those were looked at too early, and have told nothing

	c.Ready(resource)
	c.sources.enqueueAllLocked(key, src, c.stateLocked(key))
	for namespace := range c.stateLocked(key).pending {
		if mirrors[mirror.MirrorKey{Source: key, Namespace: namespace}] == 0 {
			t.Errorf("the source's status waits for %s, at which nobody looks", namespace)
		}
	}
	if asked := c.stateLocked(key).Requested; len(asked) != 1 || !asked["a"] {
		t.Errorf("it asks for %v, want only a", asked)
	}
}
