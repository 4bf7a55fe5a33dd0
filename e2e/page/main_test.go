// Package page looks at what "kubectl mirror tree -o html" writes, in a real browser.
package page

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/browser"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

var (
	update = flag.Bool("update", false, "take the README's picture anew; see \"make picture\"")

	chromium *browser.Browser // of all tests; nil where the machine has none
	example  string           // the program that writes pages of a made-up cluster
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if chromium, err = browser.Start(); err == nil {
		defer chromium.Stop()
	}
	folder, err := os.MkdirTemp("", "page-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	example = filepath.Join(folder, "example")
	return m.Run()
}

// pageOf writes a page of the made-up cluster and returns its file.
func pageOf(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := os.Stat(example); err != nil {
		root, err := repo.Root(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", example, "./kubectl-mirror/page/example")
		build.Dir, build.Env = root, append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build the example: %v\n%s", err, out)
		}
	}
	html, err := exec.CommandContext(t.Context(), example, args...).Output()
	if err != nil {
		t.Fatalf("write the page: %v", err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, html, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// window is a page that a test looks at. Each of its methods fails the test if it can't.
type window struct {
	*testing.T
	tab  *browser.Tab
	file string
}

// open opens a page. At the test's end nothing may have been asked for but the page, nor
// anything be on the console.
func open(t *testing.T, width, height int, args ...string) *window {
	t.Helper()
	if chromium == nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(browser.ErrNone)
		}
		t.Skip(browser.ErrNone)
	}
	w := &window{T: t, file: "file://" + pageOf(t, args...)}
	var err error
	if w.tab, err = chromium.Open(w.file, width, height); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, asked := range w.tab.Requests() {
			if asked != w.file {
				t.Errorf("the page asked for %s, and may for itself alone", asked)
			}
		}
		if trouble := w.tab.Trouble(); len(trouble) > 0 {
			t.Errorf("on the console is %q", trouble)
		}
	})
	return w
}

func (w *window) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *window) press(keys ...string) { w.Helper(); w.check(w.tab.Press(keys...)) }

// write types a text where the cursor is.
func (w *window) write(text string) { w.Helper(); w.press(strings.Split(text, "")...) }

// click clicks what a selector finds.
func (w *window) click(selector string) {
	w.Helper()
	w.check(w.tab.Value("document.querySelector('"+selector+"').click()", nil))
}

func value[T any](w *window, expression string) (v T) {
	w.Helper()
	w.check(w.tab.Value(expression, &v))
	return v
}

// texts are those of all elements that a selector finds and that can be seen.
func (w *window) texts(selector string) []string {
	w.Helper()
	return value[[]string](w, "[...document.querySelectorAll('"+selector+"')].filter(e => e.checkVisibility()).map(e => e.innerText.replace(/\\s+/g, ' ').trim())")
}

// text is that of one.
func (w *window) text(selector string) string {
	w.Helper()
	return strings.Join(w.texts(selector), " | ")
}

// settle waits until the browser has drawn.
func (w *window) settle() {
	w.Helper()
	w.check(w.tab.Value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))", nil))
}
