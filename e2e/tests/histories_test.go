package tests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// history plays random changes and knows what must come of them.
type history struct {
	t   testing.TB
	env *kit.Env
	// operator is somebody else's hands.
	operator *kit.Env
	random   interface{ IntN(n int) int }
	steps    []string
	replicas []replica
	// dir takes kubeconfigs, and cleanup what is to be closed in the end.
	dir     string
	cleanup func(func())

	sources map[string]*wanted
	// shut are the namespaces that refuse mirrors.
	shut map[string]bool
	// foreign has what is nobody's to touch, though it was made of a mirror, or was one.
	foreign map[kit.Ref]foreigner
}

// wanted is what a source says of its mirrors.
type wanted struct {
	there, on, labelled bool
	value               string
	name                string
	targets             map[string]bool
	// frozen has the mirrors of a source whose author has mistyped something, by place:
	// they stay as they are; nil where nothing is mistyped.
	frozen map[kit.Ref]string
}

// whatever is the value of a mirror that somebody has changed and nobody puts right.
const whatever = "*"

// places can be targets, and elsewhere is a namespace that no source wants.
var places = []string{"n0", "n1", "n2", "n3", "n4"}

const elsewhere = "elsewhere"

// seeds are those of HISTORY_SEED=n, those of HISTORY_SEEDS=from-to, or a few.
func seeds(t *testing.T) []uint64 {
	first, last := "1", "3"
	if text := os.Getenv("HISTORY_SEED"); text != "" {
		first, last = text, text
	} else if text := os.Getenv("HISTORY_SEEDS"); text != "" {
		first, last, _ = strings.Cut(text, "-")
	}
	from, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	to, err := strconv.ParseUint(last, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var list []uint64
	for seed := from; seed <= to; seed++ {
		list = append(list, seed)
	}
	return list
}

func TestI2AfterAnyHistoryMirrorsAreWhatTheirSourcesSay(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, t, replicasOf(seed))
			h.random = rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same seed must make the same history
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("HISTORY_SEED=%d, its steps:\n%s", seed, strings.Join(h.steps, "\n"))
				}
			})
			h.play()
		})
	}
}

// replicasOf is three for two seeds of five, and one for the others.
func replicasOf(seed uint64) int {
	if seed%5 == 0 || seed%5 == 3 {
		return 3
	}
	return 1
}

// newHistory is one before its first step. The test may be another's part (see
// TestChaos), which has no folder.
func newHistory(t testing.TB, whole *testing.T, replicas int) *history {
	env := kit.New(t)
	for _, name := range append([]string{"src", elsewhere}, places...) {
		env.Namespace(name)
	}
	return &history{
		t: t, dir: whole.TempDir(), cleanup: t.Cleanup,
		// What is made and deleted in turn for long is met with pauses.
		env:      env.Within(3 * time.Minute),
		operator: env.As("operator"),
		replicas: make([]replica, replicas),
		sources:  map[string]*wanted{"a": {}, "b": {}, "c": {}}, shut: map[string]bool{}, foreign: map[kit.Ref]foreigner{},
	}
}

// play plays it to its end.
func (h *history) play() {
	h.start()
	for range 4 {
		for range 15 {
			h.step()
		}
		h.check()
	}
	h.end()
}

// step makes one change, and mostly doesn't wait for what comes of it.
func (h *history) step() {
	name := slices.Sorted(maps.Keys(h.sources))[h.random.IntN(3)]
	place := places[h.random.IntN(len(places))]
	switch n := h.random.IntN(36); {
	case n < 14:
		h.changeSource(name, n)
	case n < 19:
		h.tamper(name, place)
	case n < 21:
		h.shut[place] = !h.shut[place]
		h.note("namespace %s: refuses is %v", place, h.shut[place])
		h.env.Label(namespace(h.env.Name(place)), fmt.Sprintf("%sallow-mirrors=%v", domain, !h.shut[place]))
		h.settleFrozen(func(r kit.Ref) bool { return h.shut[place] && r.Namespace == h.env.Name(place) })
	case n < 22:
		h.note("killed and started")
		h.kill()
		h.start()
	case n < 23:
		h.note("killed; %s deleted without our finalizer; started", name)
		for _, r := range h.replicas {
			r.Kill()
		}
		if h.env.Find(h.ref(name)) != nil {
			h.env.Patch(h.ref(name), `{"metadata":{"finalizers":null}}`)
			h.env.Delete(h.ref(name))
		}
		h.sources[name] = &wanted{}
		h.start()
	case n < 25:
		h.operate(name, place)
	case n < 27:
		h.export(name, place)
	case n < 29:
		h.disguise(name, place)
	case n < 31:
		h.undo()
	case n < 32:
		h.mistype(name)
	default:
		h.breakSomething()
	}
}

// changeSource is what a source's author does.
func (h *history) changeSource(name string, n int) {
	src := h.sources[name]
	switch {
	case n < 6:
		src.there, src.on, src.labelled = true, true, true
		src.value = fmt.Sprint("v", h.random.IntN(1000))
		src.targets = map[string]bool{}
		for _, p := range places {
			src.targets[p] = h.random.IntN(2) == 0
		}
		src.name = []string{"m-" + name, "x-" + name}[h.random.IntN(2)]
		h.note("source %s: %s, called %s, for %v", name, src.value, src.name, src.targets)
		h.apply(name)
	case n < 8 && src.there:
		src.on, src.labelled = !src.on, true
		h.note("source %s: on is %v", name, src.on)
		h.apply(name)
	case n < 9 && src.there:
		h.note("source %s: loses its label", name)
		src.labelled = false
		h.env.Label(h.ref(name), domain+"enabled-")
	case n < 11:
		h.note("source %s: deleted", name)
		h.sources[name] = &wanted{}
		h.env.Delete(h.ref(name))
		h.waitGone(name)
	case n < 14 && src.frozen != nil:
		h.note("source %s: what was mistyped is mended", name)
		src.frozen = nil
		h.env.Annotate(h.ref(name), mistyped+"-")
	}
	if src := h.sources[name]; !src.on || !src.labelled { // what clearly turns it off counts
		h.settleFrozen(func(r kit.Ref) bool { _, its := src.frozen[r]; return its })
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
	h.env.Apply(kit.Source(h.ref(name), src.value,
		fmt.Sprint("sync=", src.on), "target-namespaces="+strings.Join(targets, ","), "target-name="+src.name))
}

// wants has the mirrors that there must be, with their values.
func (h *history) wants() map[kit.Ref]string {
	want := map[kit.Ref]string{}
	for _, src := range h.sources {
		if src.frozen != nil {
			maps.Copy(want, src.frozen)
			continue
		}
		for place := range src.targets {
			r := kit.Object(configMap, h.env.Name(place), src.name)
			if _, inTheWay := h.foreign[r]; src.there && src.on && src.labelled && src.targets[place] && !h.shut[place] && !inTheWay {
				want[r] = src.value
			}
		}
	}
	return want
}

// formerly has the mirrors that may be there, with their values, under the former name of a
// source whose name is taken in a place: one that was there stays until the name is free.
func (h *history) formerly() map[kit.Ref]string {
	may := map[kit.Ref]string{}
	for name, src := range h.sources {
		value := src.value
		if src.frozen != nil {
			value = whatever
		}
		for place, wanted := range src.targets {
			if _, inTheWay := h.foreign[kit.Object(configMap, h.env.Name(place), src.name)]; !inTheWay || !wanted || !src.there || !src.on || !src.labelled || h.shut[place] {
				continue
			}
			for _, prefix := range []string{"m-", "x-"} {
				may[kit.Object(configMap, h.env.Name(place), prefix+name)] = value
			}
		}
	}
	return may
}

// has has the mirrors that there are: what names itself.
func (h *history) has() map[kit.Ref]string {
	got := map[kit.Ref]string{}
	for _, o := range h.env.List(configMap, "", domain+"mirror=true") {
		if strings.HasPrefix(o.GetNamespace(), h.env.Prefix()+"-") && o.GetAnnotations()[domain+"mirror-id"] == idOf(&o) && o.GetLabels()[domain+"enabled"] == "" {
			r := kit.Object(configMap, o.GetNamespace(), o.GetName())
			got[r], _, _ = unstructured.NestedString(o.Object, "data", "key")
		}
	}
	return got
}

// check waits until the mirrors are what they must be, these and no others; and looks
// at what nobody may touch.
func (h *history) check() {
	h.note("check")
	want := h.wants()
	h.env.Eventually("mirrors are what their sources say", func(context.Context) error {
		h.start() // what a fault has killed
		got := h.has()
		may := h.formerly()
		maps.DeleteFunc(got, func(r kit.Ref, is string) bool {
			_, must := want[r]
			return !must && (may[r] == whatever || may[r] != "" && may[r] == is)
		})
		if !maps.EqualFunc(got, want, func(is, wanted string) bool { return wanted == whatever || is == wanted }) {
			return fmt.Errorf("they are %v, want %v", got, want)
		}
		return nil
	})
	h.checkForeign()
}

// waitGone waits until a source is not there; whatever was killed lets it go when it runs
// again.
func (h *history) waitGone(name string) {
	h.env.Eventually(name+" is gone", func(context.Context) error {
		h.start()
		if h.env.Find(h.ref(name)) != nil {
			return errors.New("it is still there")
		}
		return nil
	})
}

// end takes all sources away.
func (h *history) end() {
	for name := range h.sources {
		h.env.Delete(h.ref(name))
		h.sources[name] = &wanted{}
	}
	h.check()
	for name := range h.sources {
		h.waitGone(name)
	}
}
