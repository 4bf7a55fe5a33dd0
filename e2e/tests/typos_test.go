package tests

import (
	"math/rand/v2"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// Slips of the finger: a character left out, put in, wrong, or in the wrong order.
var slips = map[string]func(text []rune, alphabet string) []string{
	"left out": func(text []rune, _ string) (all []string) {
		for i := range text {
			all = append(all, string(text[:i])+string(text[i+1:]))
		}
		return all
	},
	"put in": func(text []rune, alphabet string) (all []string) {
		for i := range len(text) + 1 {
			for _, r := range alphabet {
				all = append(all, string(text[:i])+string(r)+string(text[i:]))
			}
		}
		return all
	},
	"wrong": func(text []rune, alphabet string) (all []string) {
		for i := range text {
			for _, r := range alphabet {
				all = append(all, string(text[:i])+string(r)+string(text[i+1:]))
			}
		}
		return all
	},
	"in the wrong order": func(text []rune, _ string) (all []string) {
		for i := 1; i < len(text); i++ {
			all = append(all, string(text[:i-1])+string(text[i])+string(text[i-1])+string(text[i+1:]))
		}
		return all
	},
}

// typosOf returns up to so many slips of each sort that make something else of a text,
// of those that are possible. The same text and seed give the same ones.
func typosOf(text, alphabet string, most int, seed uint64, possible func(string) bool) []string {
	random := rand.New(rand.NewPCG(seed, uint64(len(text)))) //nolint:gosec // a sample that can be drawn again
	var chosen []string
	for _, sort := range []string{"left out", "put in", "wrong", "in the wrong order"} {
		all := slips[sort]([]rune(text), alphabet)
		slices.Sort(all)
		all = slices.DeleteFunc(slices.Compact(all), func(slip string) bool { return slip == text || !possible(slip) })
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		chosen = append(chosen, all[:min(most, len(all))]...)
	}
	return chosen
}

// waitForAll waits until the check finds nothing wrong with any object of a kind in a
// namespace that has the label of sources, and returns them by name.
func waitForAll(env *kit.Env, kind, namespace, what string, check kit.Check) map[string]*unstructured.Unstructured {
	for {
		all := map[string]*unstructured.Unstructured{}
		var last kit.Ref
		for _, o := range env.List(kind, namespace, domain+"enabled") {
			all[o.GetName()] = &o
			if check(&o) != nil {
				last = kit.RefTo(&o)
			}
		}
		if last.Name == "" {
			return all
		}
		env.WaitFor(last, what, check)
	}
}

// eventsIn counts the events in a namespace by the name of what they are about, those
// of one reason.
func eventsIn(env *kit.Env, namespace, reason string) map[string]int {
	count := map[string]int{}
	for _, o := range env.List("Event", namespace, "") {
		about, _, _ := unstructured.NestedString(o.Object, "involvedObject", "name")
		if got, _, _ := unstructured.NestedString(o.Object, "reason"); got == reason {
			count[about]++
		}
	}
	return count
}

func TestTyposAreOfAllSortsAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	anything := func(string) bool { return true }
	got := typosOf("abb", "xy", 100, 1, anything)
	for _, want := range []string{"ab", "bb", "xabb", "abyb", "abbx", "xbb", "ayb", "bab"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if slices.Contains(got, "abb") || len(got) != 2+8+6+1 {
		t.Errorf("%d typos: %q", len(got), got)
	}
	if again := typosOf("abb", "xy", 100, 1, anything); !slices.Equal(again, got) {
		t.Errorf("another time they are %q", again)
	}
	if few := typosOf("abb", "xy", 1, 1, anything); len(few) != 4 {
		t.Errorf("asked for one of each sort: %q", few)
	}
}
