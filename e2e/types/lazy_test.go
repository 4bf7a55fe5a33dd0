package types

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const (
	idleTypes   = 185 // with the server's own, more than manyTypes
	manyTypes   = 200
	fewSources  = 10
	mostMemory  = 64 << 20 // a shared informer costs 40 to 50 KB more than a reflector of our own: 58 to 60 MB
	rest        = time.Minute
	sourceWatch = "kubemirror.raczylo.com/enabled"
	mirrorWatch = "kubemirror.raczylo.com/mirror=true"
)

// TestManyTypesThatNobodyUsesCostNextToNothing measures one process, alone.
func TestManyTypesThatNobodyUsesCostNextToNothing(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	env.Namespace("a")
	group := env.Prefix() + ".example.com"
	defineMany(env, group, idleTypes)
	used := map[string]bool{"configmaps": true}
	for n := range fewSources {
		src := kit.Object("ConfigMap.v1", env.Name("src"), fmt.Sprintf("c%d", n))
		if n%2 == 1 {
			src.Kind = fmt.Sprintf("Kind%d.v1.%s", n, group)
			used[fmt.Sprintf("kind%ds", n)] = true
		}
		env.Apply(source(src, "{data: {key: value}}"))
	}
	begin := env.Mark()
	km := env.Start()
	types := waitForTypes(env, km)
	if types < manyTypes {
		t.Errorf("%v types are watched, want %d or more", types, manyTypes)
	}
	for _, o := range env.List("ConfigMap.v1", env.Name("src"), sourceWatch) {
		env.WaitFor(kit.RefTo(&o), "is in sync", isInSync)
	}
	km.WaitQuiet(5 * time.Second)

	resting := env.Mark()
	env.Consistently("it asks for nothing but watches", rest, func(context.Context) error {
		if asked := km.Since(resting); len(asked) > len(asked.Where(audit.Filter{Verbs: []string{"watch"}})) {
			return fmt.Errorf("it asked:\n%s", asked)
		}
		return nil
	})
	m := km.Metrics()
	memory := m.Sum("process_resident_memory_bytes")
	t.Logf("%v types, %d sources: %.1f MB resident, %.1f MB of heap in use, %v goroutines",
		types, fewSources, memory/(1<<20), m.Sum("go_memstats_heap_inuse_bytes")/(1<<20), m.Sum("go_goroutines"))
	if memory > mostMemory {
		t.Errorf("it has %.1f MB resident, want at most %d", memory/(1<<20), mostMemory>>20)
	}

	watches := map[string]int{} // by resource and selector
	for _, r := range km.Since(begin).Where(audit.Filter{Verbs: []string{"watch"}}) {
		if r.Code == http.StatusOK { // and not 429, as for a kind that nobody has asked for before
			watches[r.Resource+" "+selectorOf(r)]++
		}
	}
	for watch, n := range watches {
		resource, selector, _ := strings.Cut(watch, " ")
		switch {
		case selector == mirrorWatch && !used[resource]:
			t.Errorf("the mirrors of %s are watched, and it has no sources", resource)
		case n > 1:
			t.Errorf("%d watches of %s", n, watch)
		case selector == sourceWatch:
			types--
		}
	}
	for resource := range used {
		if watches[resource+" "+mirrorWatch] != 1 {
			t.Errorf("the mirrors of %s are not watched, and it has sources", resource)
		}
	}
	if types != 0 {
		t.Errorf("%v types are without a watch of sources", types)
	}
}

// defineMany defines so many kinds: Kind0 and so on.
func defineMany(env *kit.Env, group string, n int) {
	var lanes sync.WaitGroup
	const width = 8
	for lane := range width {
		lanes.Go(func() {
			for i := lane; i < n; i += width {
				env.Apply(definition(fmt.Sprintf("Kind%d", i), group, v1))
			}
		})
	}
	lanes.Wait()
	for i := range n {
		env.WaitFor(definitionOf(fmt.Sprintf("Kind%d", i), group), "is established", established)
	}
}

// selectorOf is the label selector of a request.
func selectorOf(r audit.Request) string {
	u, err := url.Parse(r.URI)
	if err != nil {
		panic(err) // the server took it
	}
	return u.Query().Get("labelSelector")
}
