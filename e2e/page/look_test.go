package page

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// contrast is the least contrast of any text with what is behind it, and which text that is.
const contrast = `(() => {
	const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
	const over = (...colours) => {
		for (const c of colours) { pixel.fillStyle = c; pixel.fillRect(0, 0, 1, 1); }
		return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
	};
	const light = rgb => rgb.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, n) => s + v * [.2126, .7152, .0722][n], 0);
	let least = {ratio: 99, text: ''};
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
		if (!text || !e.checkVisibility() || e.closest('script, .hidden, option')) continue;
		const behind = [];
		for (let up = e; up; up = up.parentElement) behind.unshift(getComputedStyle(up).backgroundColor);
		const a = light(over('#fff', ...behind)), b = light(over(getComputedStyle(e).color));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < least.ratio) least = {ratio, text};
	}
	return least;
})()`

func TestItCanBeReadDarkAndLight(t *testing.T) {
	w := open(t, 1200, 1400)
	ground := func() string {
		t.Helper()
		return value[string](w, "getComputedStyle(document.body).backgroundColor")
	}
	read := func() {
		t.Helper()
		type least struct {
			Ratio float64
			Text  string
		}
		if got := value[least](w, contrast); got.Ratio < 4.5 {
			t.Errorf("on %s, %q has a contrast of %.1f, and should have 4.5 at least", ground(), got.Text, got.Ratio)
		}
	}
	w.check(w.tab.Prefer("light"))
	w.press("j", "l", "Enter")
	light := ground()
	read()
	w.check(w.tab.Prefer("dark"))
	dark := ground()
	read()
	if dark == light {
		t.Errorf("for who prefers dark it is %s too", light)
	}
	w.press("t")
	if got := ground(); got != light {
		t.Errorf("switched to light it is %s, and should be %s", got, light)
	}
	w.click("#theme")
	if got := ground(); got != dark {
		t.Errorf("switched back to dark it is %s, and should be %s", got, dark)
	}
}

func TestItFitsAPhone(t *testing.T) {
	w := open(t, 360, 700)
	if width := value[int](w, "document.documentElement.scrollWidth"); width > 360 {
		t.Errorf("the page is %d pixels wide on a screen of 360", width)
	}
	if !value[bool](w, "[...document.querySelectorAll('.cell, .source')].every(e => (r => r.left >= 0 && r.right <= 360)(e.getBoundingClientRect()))") {
		t.Error("a mirror or a source is beyond the edge")
	}
	w.press("j", "Enter")
	if got := w.text("#details h2"); got != "otel-collector" {
		t.Errorf("the details are of %q", got)
	}
}

// mostElements is what a screen may have of rows and mirrors, whatever there is behind it.
const mostElements = 1500

func TestThousandsOfMirrorsAreNoMoreThanWhatCanBeSeen(t *testing.T) {
	w := open(t, 1400, 900, "-sources=500", "-mirrors=12")
	if got, want := w.text("#found"), "500 sources, 6,000 mirrors"; got != want {
		t.Errorf("%q is there, and should be %q", got, want)
	}
	elements := func(does string) {
		t.Helper()
		if n := value[int](w, "document.querySelectorAll('#rows *').length"); n == 0 || n > mostElements {
			t.Errorf("%s there are %d elements, and should be some, and %d at most", does, n, mostElements)
		}
	}
	elements("at first")
	for range 20 {
		w.check(w.tab.Value("document.querySelector('#scroll').scrollTop += 1777", nil))
		w.settle()
		elements("on the way down")
		if !value[bool](w, "document.elementFromPoint(100, 500).closest('#rows') !== null && [...document.querySelectorAll('.source')].some(e => (r => r.top < 900 && r.bottom > 200)(e.getBoundingClientRect()))") {
			t.Fatal("on the way down the screen is empty")
		}
	}
	w.press("End")
	if got := value[string](w, "document.querySelector('.active .name').innerText"); got != "credentials-499" {
		t.Errorf("at the end is %q", got)
	}
	elements("at the end")
	w.press("/")
	w.write("credentials-123")
	if got, want := w.text("#found"), "1 source, 12 mirrors"; got != want {
		t.Errorf("a search finds %q, and should %q", got, want)
	}
	w.press("Escape")
	took := value[float64](w, `(() => {
		const search = document.querySelector('#search'), began = performance.now();
		for (const text of ['t', 'te', 'tea', 'team', 'team-', 'team-0', 'team-01', 'team-012', 'team-01', 'team-0']) {
			search.value = text;
			search.dispatchEvent(new Event('input'));
			document.querySelector('#rows').getBoundingClientRect();
		}
		return (performance.now() - began) / 10;
	})()`)
	first := value[float64](w, "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
	t.Logf("first paint after %.0f ms, a key in the search takes %.1f ms", first, took)
}

func TestOneSourceWithAMirrorInEachOfThousandsOfNamespacesIsNoMore(t *testing.T) {
	w := open(t, 1400, 900, "-sources=1", "-mirrors=5000")
	for _, key := range []string{"Home", "l", "ArrowDown", "ArrowDown"} {
		w.press(key)
		if n := value[int](w, "document.querySelectorAll('#rows *').length"); n == 0 || n > mostElements {
			t.Errorf("after %s there are %d elements, and should be %d at most", key, n, mostElements)
		}
	}
	w.check(w.tab.Value("document.querySelector('#scroll').scrollTop = 1e9", nil))
	w.settle()
	if got := value[int](w, "document.querySelectorAll('.cell').length"); got == 0 {
		t.Error("at the end there is no mirror")
	}
	if !value[bool](w, "(r => r.top >= 0 && r.bottom < 900)(document.querySelector('.source').getBoundingClientRect())") {
		t.Error("the source isn't to be seen beside its last mirrors")
	}
}

func TestThePictureInTheREADMEIsThere(t *testing.T) {
	const width, height, mostBytes = 1280, 720, 200_000
	root, err := repo.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "tree.png")
	if *update {
		w := open(t, width, height)
		w.check(w.tab.Prefer("light"))
		w.press("j", "j", "j", "l", "l", "l", "l", "Enter")
		w.settle()
		picture, err := w.tab.Picture()
		w.check(err)
		w.check(os.WriteFile(file, picture, 0o644))
	}
	picture, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make picture takes it", err)
	}
	config, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil || config.Width != width || config.Height != height || len(picture) > mostBytes {
		t.Errorf("the picture is %d × %d and %d bytes (%v), and should be %d × %d and %d at most", config.Width, config.Height, len(picture), err, width, height, mostBytes)
	}
}
