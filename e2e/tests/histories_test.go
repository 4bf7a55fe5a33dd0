package tests

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// history plays random changes and knows what must come of them.
type history struct {
	env    *kit.Env
	random *rand.Rand
	steps  []string
	km     *kit.Kubemirror

	sources map[string]*wanted
	// shut are the namespaces that refuse mirrors.
	shut map[string]bool
}

// wanted is what a source says of its mirrors.
type wanted struct {
	there, on bool
	value     string
	name      string
	targets   map[string]bool
}

var places = []string{"n0", "n1", "n2", "n3", "n4"}

func TestI2AfterAnyHistoryMirrorsAreWhatTheirSourcesSay(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3}
	if text := os.Getenv("HISTORY_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			env.Namespace("src")
			for _, place := range places {
				env.Namespace(place)
			}
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same seed must make the same history
			h := &history{env: env, random: random, sources: map[string]*wanted{}, shut: map[string]bool{}}
			for _, name := range []string{"a", "b", "c"} {
				h.sources[name] = &wanted{}
			}
			h.start()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("HISTORY_SEED=%d, its steps:\n%s", seed, strings.Join(h.steps, "\n"))
				}
			})
			for range 4 {
				for range 15 {
					h.step()
				}
				h.check()
			}
		})
	}
}

func (h *history) start() {
	h.km = h.env.Start("--resource-types=ConfigMap.v1", "-v=4", "--leader-elect=false")
}

// step makes one change, and doesn't wait for what comes of it.
func (h *history) step() {
	name := slices.Sorted(maps.Keys(h.sources))[h.random.IntN(3)]
	place := places[h.random.IntN(len(places))]
	src := h.sources[name]
	switch n := h.random.IntN(20); {
	case n < 5:
		h.note("source %s: new content and targets", name)
		src.there, src.on = true, true
		src.value = fmt.Sprint("v", h.random.IntN(1000))
		src.targets = map[string]bool{}
		for _, p := range places {
			src.targets[p] = h.random.IntN(2) == 0
		}
		src.name = []string{"m-" + name, "x-" + name}[h.random.IntN(2)]
		h.apply(name)
	case n < 7 && src.there:
		src.on = !src.on
		h.note("source %s: on is %v", name, src.on)
		h.apply(name)
	case n < 9:
		h.note("source %s: deleted", name)
		src.there = false
		h.env.Delete(h.ref(name))
		h.env.WaitGone(h.ref(name))
	case n < 14:
		h.note("the mirrors of %s in %s: changed or deleted by somebody", name, place)
		h.tamper(name, place)
	case n < 16:
		h.shut[place] = !h.shut[place]
		h.note("namespace %s: refuses is %v", place, h.shut[place])
		h.env.Label(kit.Object("Namespace", "", h.env.Name(place)), fmt.Sprintf("%sallow-mirrors=%v", domain, !h.shut[place]))
	case n < 17:
		h.note("killed and started")
		h.km.Kill()
		h.start()
	case n < 18:
		h.note("killed; %s deleted without our finalizer; started", name)
		h.km.Kill()
		if h.env.Find(h.ref(name)) != nil {
			h.env.Patch(h.ref(name), `{"metadata":{"finalizers":null}}`)
			h.env.Delete(h.ref(name))
		}
		src.there = false
		h.start()
	}
}

func (h *history) note(format string, args ...any) {
	h.steps = append(h.steps, fmt.Sprintf(format, args...))
}

func (h *history) ref(name string) kit.Ref { return kit.Object(configMap, h.env.Name("src"), name) }

func (h *history) apply(name string) {
	src := h.sources[name]
	var targets []string
	for _, p := range places {
		if src.targets[p] {
			targets = append(targets, h.env.Name(p))
		}
	}
	h.env.Apply(sourceWith(h.ref(name), src.value,
		fmt.Sprint("sync=", src.on), "target-namespaces="+strings.Join(targets, ","), "target-name="+src.name))
}

func (h *history) tamper(name, place string) {
	for _, prefix := range []string{"m-", "x-"} {
		mirror := kit.Object(configMap, h.env.Name(place), prefix+name)
		if h.env.Find(mirror) == nil {
			continue
		}
		patch := []string{`{"data":{"key":"tampered"}}`, `{"data":null}`, `{"metadata":{"annotations":{"kubemirror.raczylo.com/source-content-hash":null}}}`, ""}[h.random.IntN(4)]
		if patch == "" {
			h.env.Delete(mirror)
			continue
		}
		h.env.PatchIfThere(mirror, patch)
	}
}

// check waits until the mirrors are what they must be: these, and no others.
func (h *history) check() {
	want := map[string]string{}
	for _, src := range h.sources {
		for place := range src.targets {
			if src.there && src.on && src.targets[place] && !h.shut[place] {
				want[h.env.Name(place)+"/"+src.name] = src.value
			}
		}
	}
	h.env.Eventually("mirrors are what their sources say", func(context.Context) error {
		got := map[string]string{}
		for _, o := range h.env.List(configMap, "", domain+"mirror=true") {
			if strings.HasPrefix(o.GetNamespace(), h.env.Prefix()+"-") {
				got[o.GetNamespace()+"/"+o.GetName()], _, _ = unstructured.NestedString(o.Object, "data", "key")
			}
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("they are %v, want %v", got, want)
		}
		return nil
	})
}
