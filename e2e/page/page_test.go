package page

import (
	"slices"
	"strings"
	"testing"
)

func TestSourcesAreOnTheLeftAndTheirNamespacesOnTheRight(t *testing.T) {
	w := open(t, 1200, 1400)
	if got, want := w.text("h1"), "Sources of all namespaces"; got != want {
		t.Errorf("the title is %q, and should be %q", got, want)
	}
	if got, want := w.text("#made"), "Made 2026-03-04 09:30 UTC, by the controller’s flags from the Deployment kubemirror-system/kubemirror"; got != want {
		t.Errorf("the page says %q of itself, and should say %q", got, want)
	}
	if got, want := w.text("#sum"), "36 of 39 mirrors in sync"; got != want {
		t.Errorf("the sum is %q, and should be %q", got, want)
	}
	want := []string{
		"otel-collector configmaps · 11 of 12", "ca-bundle configmaps · 12 of 12", "registry secrets · 9 of 11",
		"smtp it is paused: its mirrors stay as they are", "internal-ca secrets · 3 of 3", "signing-keys secrets · 1 of 1",
	}
	if got := w.texts(".source"); !slices.Equal(got, want) {
		t.Errorf("the sources are %q, and should be %q", got, want)
	}
	registry := w.texts(".block:has([aria-label^=\"secrets registry\"]) .cell")
	if want := []string{"accounts", "billing", "catalog", "checkout 42m"}; len(registry) != 12 || !slices.Equal(registry[:4], want) {
		t.Errorf("the registry's namespaces begin with %q of %d, and should with %q of 12", registry[:min(4, len(registry))], len(registry), want)
	}
	if left := value[bool](w, "[...document.querySelectorAll('.block')].every(b => [...b.querySelectorAll('.cell')].every(c => c.getBoundingClientRect().left > b.querySelector('.source').getBoundingClientRect().right))"); !left {
		t.Error("a namespace isn't to the right of its source")
	}
	if n := len(w.texts(".spine")); n != len(want) {
		t.Errorf("%d of %d sources have a line to their namespaces", n, len(want))
	}
}

func TestAStateHasAColourAndAShapeOfItsOwn(t *testing.T) {
	w := open(t, 1200, 700)
	type look struct{ State, Colour, Shape string }
	looks := value[[]look](w, `[...document.querySelectorAll('#legend button')].map(b => ({
		state: b.dataset.state, colour: getComputedStyle(b.querySelector('svg')).color,
		shape: document.querySelector(b.querySelector('use').getAttribute('href')).innerHTML}))`)
	if len(looks) != 8 {
		t.Fatalf("there are %d states in the legend, and should be 8", len(looks))
	}
	for n, a := range looks {
		for _, b := range looks[n+1:] {
			if a.Shape == b.Shape {
				t.Errorf("%s and %s have one shape", a.State, b.State)
			}
			if a.Colour == b.Colour {
				t.Errorf("%s and %s have one colour", a.State, b.State)
			}
		}
	}
}

func TestFiltersNarrow(t *testing.T) {
	w := open(t, 1200, 1400)
	found := func(does, want string) {
		t.Helper()
		if got := w.text("#found"); got != want {
			t.Errorf("%s, %q is there, and should be %q", does, got, want)
		}
	}
	found("at first", "6 sources, 44 mirrors")
	w.press("/")
	w.write("regis check")
	found("after a search for two words", "1 source, 1 mirror")
	if got := w.text(".source .name") + " " + w.text(".cell .name"); got != "registry checkout" {
		t.Errorf("the search finds %q", got)
	}
	counts := []string{"in sync 0", "pending 0", "blocked 1", "refused 0", "kept 0", "leaving 0", "unclear 0", "source stopped 0"}
	if got := w.texts("#legend button"); !slices.Equal(got, counts) {
		t.Errorf("the legend counts %q of what was found, and should %q", got, counts)
	}
	w.press("Escape")
	found("after Escape", "6 sources, 44 mirrors")
	w.click("#legend .pending")
	found("of what is pending", "2 sources, 2 mirrors")
	w.click("#legend .blocked")
	found("of what is pending or blocked", "2 sources, 3 mirrors")
	w.click("#legend .pending")
	w.click("#legend .blocked")
	w.click("#legend .stopped")
	found("of stopped sources", "1 source, 2 mirrors")
	w.click("#legend .stopped")
	w.check(w.tab.Value("document.querySelector('#namespace').value = 'payments'; document.querySelector('#namespace').dispatchEvent(new Event('change'))", nil))
	found("in a namespace that has mirrors", "5 sources, 5 mirrors")
	w.check(w.tab.Value("document.querySelector('#namespace').value = 'platform'; document.querySelector('#namespace').dispatchEvent(new Event('change'))", nil))
	found("in a namespace that has sources", "3 sources, 26 mirrors")
	w.press("/")
	w.write("nothing of the kind")
	found("after a search in vain", "0 sources, 0 mirrors")
	if got := w.text("#empty"); got != "Nothing matches. Esc clears the filters." {
		t.Errorf("where nothing matches, the page says %q", got)
	}
	w.press("Escape")
	found("after Escape", "6 sources, 44 mirrors")
}

func TestKeysReachEverything(t *testing.T) {
	w := open(t, 1200, 700)
	active := func(does, want string) {
		t.Helper()
		got := value[string](w, "document.getElementById(document.querySelector('#rows').getAttribute('aria-activedescendant'))?.getAttribute('aria-label') ?? 'none'")
		if got != want {
			t.Errorf("%s, the cursor is on %q, and should be on %q", does, got, want)
		}
	}
	w.press("j")
	active("at first", "configmaps otel-collector in observability: 11 of 12 in sync")
	w.press("j", "ArrowDown")
	active("further down", "secrets registry in platform: 9 of 11 in sync")
	w.press("l", "ArrowRight", "l", "l")
	active("to the right", "checkout: blocked, late 42m")
	w.press("Enter")
	if got := w.text("#details"); !strings.Contains(got, "it should be there, and something is in the way") ||
		!strings.Contains(got, "Secret registry is there and is not a mirror") ||
		!strings.Contains(got, "kubectl get secrets registry -n checkout --show-labels") ||
		!strings.Contains(got, "kubectl mirror why secrets/registry -n platform --in checkout") {
		t.Errorf("the details are %q", got)
	}
	w.press("h")
	if got := w.text("#details h2"); got != "catalog" {
		t.Errorf("the details stay at %q when the cursor goes on to catalog", got)
	}
	w.press("h", "h", "h", "k", "j", "j")
	active("back at the sources", "secrets smtp in platform: it is paused: its mirrors stay as they are")
	if got := w.texts("#details li"); len(got) != 5 || got[3] != "NO readable it is paused: its mirrors stay as they are" {
		t.Errorf("the source's steps are %q", got)
	}
	w.press("Escape", "End")
	if got := w.text("#details"); got != "" {
		t.Errorf("after Escape the details are still there: %q", got)
	}
	active("at the end", "secrets signing-keys in security: 1 of 1 in sync")
	if !value[bool](w, "(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector('.active').getBoundingClientRect())") {
		t.Error("the cursor is where nobody sees it")
	}
	w.press("?")
	if !value[bool](w, "document.querySelector('#keys').open") {
		t.Error("? doesn't show the keys")
	}
	w.press("Escape")
	if value[bool](w, "document.querySelector('#keys').open") {
		t.Error("Escape doesn't close the keys")
	}
}

func TestItMayAskNobodyForAnything(t *testing.T) {
	w := open(t, 1200, 700)
	for _, attempt := range []string{
		"fetch('https://example.com/').then(() => 'answered', () => 'refused')",
		"new Promise(done => { const i = new Image(); i.onload = () => done('answered'); i.onerror = () => done('refused'); i.src = 'https://example.com/x.png'; })",
		"new Promise(done => { const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s); done(window.ran ? 'answered' : 'refused'); })",
	} {
		if got := value[string](w, attempt); got != "refused" {
			t.Errorf("%s was %s", attempt, got)
		}
	}
	trouble := w.tab.Trouble()
	for _, text := range trouble {
		if !strings.Contains(text, "Content Security Policy") {
			t.Errorf("something else than the page's policy stopped it: %s", text)
		}
	}
	if len(trouble) < 3 {
		t.Errorf("the page's policy stopped %q alone", trouble)
	}
	w.tab.Forget() // that it was tried, and told, is as it should be here
}
