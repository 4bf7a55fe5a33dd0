package informers

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Without a bubble: here the real scheduler and the real heap count.
func TestNothingIsLeftOfATypeThatComesAndGoes500Times(t *testing.T) {
	s := newServer()
	for _, name := range []string{"a", "b", "c", "d"} {
		for _, role := range []string{"source", "mirror"} {
			o := object(name+role, role)
			o.Annotations = map[string]string{"payload": strings.Repeat("x", 10_000)}
			s.put(o)
		}
	}
	c := &cluster{servers: map[schema.GroupVersionResource]*server{apples: s}}
	config := c.set().config
	ready := make(chan struct{}, 1)
	config.Consumer = signalling{consumer{c}, ready}
	set := NewSet(config)
	hang := map[string]chan struct{}{"stream role=mirror": make(chan struct{})}

	round := func(n int) {
		s.set(func() {
			s.plain = n%2 == 0
			s.hang, s.refuse = nil, nil
			switch n % 5 {
			case 3: // stopped while a list hangs
				s.plain, s.hang = false, hang
			case 4: // stopped while it is refused
				s.refuse = func(string) error { return forbidden("anything") }
			}
		})
		set.Sync(t.Context(), []schema.GroupVersionResource{apples})
		if n%5 < 2 {
			<-ready
		}
		set.Sync(t.Context(), nil)
		select {
		case <-ready: // it was quicker than the stop
		default:
		}
		c.told()
		c.observer.told()
		s.requests()
	}
	rest := func() (goroutines int, heap uint64) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	for n := range 50 {
		round(n)
	}
	goroutines, heap := rest()
	for n := range 500 {
		round(n)
	}
	// What is about to end, as a goroutine past its last channel, gets a moment.
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	goroutinesAfter, heapAfter := rest()
	if goroutinesAfter > goroutines {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, before it was %d\n%s", goroutinesAfter, goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	// One round's objects alone weigh 80 kB.
	if heapAfter > heap+500<<10 {
		t.Errorf("a heap of %d kB, before it was %d kB", heapAfter>>10, heap>>10)
	}
	if open := s.watches(); len(open) != 0 {
		t.Errorf("watches left: %q", open)
	}
}

type signalling struct {
	consumer
	ready chan struct{}
}

func (s signalling) Ready(schema.GroupVersionResource) { s.ready <- struct{}{} }
