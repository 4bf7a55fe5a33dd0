package types

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const (
	rounds = 20
	// within is how long a source of a new kind may wait for its mirror, from the
	// moment that the kind is established. One to two seconds of that are the API
	// server's: it holds each create of a kind that is younger than two seconds,
	// counted from the whole second in which it was established.
	within = 2 * time.Second
	// apart is the time between two definitions. With it, they are established in
	// each part of a second alike, so that the median is that of any definition.
	apart = time.Second + time.Second/rounds
	// The API server looks every 5 s whether the objects of a definition that goes are
	// gone, and has five definitions go at a time.
	goes = 2 * time.Minute
)

// TestTypesComeWithinTwoSecondsAndGoWithoutATrace measures one process, alone.
func TestTypesComeWithinTwoSecondsAndGoWithoutATrace(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Namespace("a")
	// A collector that runs often makes the heap what is in use.
	km := env.Launch(kit.Launch{Env: []string{"GOGC=5"}})
	waitForTypes(env, km)
	comeAndGo(env, km, "first", 1) // connections and buffers that stay
	km.WaitQuiet(time.Second)
	goroutines, heap := km.Metrics().Sum("go_goroutines"), smallestHeap(km)
	files := km.Metrics().Sum("process_open_fds") // connections above all
	took := comeAndGo(env, km, "then", rounds)
	slices.Sort(took)
	t.Logf("from the kind's being established to its mirror: median %v, all %v", took[rounds/2], took)
	if took[rounds/2] > within {
		t.Errorf("the median is above %v", within)
	}
	for _, words := range [][]string{
		{"Starting resource discovery"},
		{"resource discovery", `added=["Widget.v1.first-0.`},
		{"resource discovery", `removed=["Widget.v1.first-0.`},
	} {
		if lineWith(km.Log(), words...) == "" {
			t.Errorf("the log has no line with %q", words)
		}
	}
	env.Eventually("the goroutines are as many as before", func(context.Context) error {
		if now := km.Metrics().Sum("go_goroutines"); now > goroutines+2 {
			return fmt.Errorf("there were %v, and there are %v", goroutines, now)
		}
		return nil
	})
	env.Eventually("the open files are as many as before", func(context.Context) error {
		if now := km.Metrics().Sum("process_open_fds"); now > files {
			return fmt.Errorf("there were %v, and there are %v", files, now)
		}
		return nil
	})
	env.Eventually("the heap is as large as before", func(context.Context) error {
		if now := smallestHeap(km); now > heap+512<<10 {
			return fmt.Errorf("it was %v bytes, and is %v", heap, now)
		}
		return nil
	})
	t.Logf("goroutines: %v, then %v; heap: %v, then %v", goroutines, km.Metrics().Sum("go_goroutines"), heap, smallestHeap(km))
}

// waitForTypes waits until the process has found the server's types, and listed
// them, and returns how many it watches.
func waitForTypes(env *kit.Env, km *kit.Kubemirror) float64 {
	km.WaitReady()
	types := 0.0
	env.Eventually("types are watched", func(context.Context) error {
		if types = km.Metrics().Sum("kubemirror_watched_types"); types == 0 {
			return errors.New("none are")
		}
		return nil
	})
	km.WaitReady()
	return types
}

// comeAndGo defines so many kinds, one after the other and apart, has an object of each
// mirrored, and takes each kind away again with both objects. It returns when all is
// gone, and how long each mirror took from the moment that its kind was established.
func comeAndGo(env *kit.Env, km *kit.Kubemirror, wave string, kinds int) []time.Duration {
	before := km.Metrics().Sum("kubemirror_watched_types")
	took := make([]time.Duration, kinds)
	var running sync.WaitGroup
	pace := time.NewTicker(apart)
	defer pace.Stop()
	for n := range kinds {
		group := fmt.Sprintf("%s-%d.%s.example.com", wave, n, env.Prefix())
		env.Apply(definition("Widget", group, v1))
		env.WaitFor(definitionOf("Widget", group), "is established", established)
		served := time.Now()
		src := kit.Object("Widget.v1."+group, env.Name("src"), "w")
		env.Apply(source(src, "{spec: {size: 1}}"))
		running.Go(func() {
			env.WaitFor(src.In(env.Name("a")), "is there", kit.Exists)
			took[n] = time.Since(served)
			env.Delete(definitionOf("Widget", group))
			env.Within(goes).WaitGone(definitionOf("Widget", group))
		})
		<-pace.C
	}
	running.Wait()
	env.Eventually("their types are not watched any more", func(context.Context) error {
		if now := km.Metrics().Sum("kubemirror_watched_types"); now != before {
			return fmt.Errorf("%v types are watched, want %v", now, before)
		}
		return nil
	})
	return took
}

// smallestHeap reads the heap a few times: between two collections it grows.
func smallestHeap(km *kit.Kubemirror) float64 {
	smallest := math.Inf(1)
	for range 20 {
		smallest = min(smallest, km.Metrics().Sum("go_memstats_heap_alloc_bytes"))
	}
	return smallest
}
