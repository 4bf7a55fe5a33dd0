package controlplane

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hello stands in for the control plane: a module that builds in a moment.
var hello = programs{
	module:   "hello",
	source:   "example.com/pinned",
	packages: map[string]string{"hello": "example.com/hello"},
	ldflags:  func(version string) string { return "-X main.version=" + version },
}

// helloModule writes the stand-in's source.
func helloModule(t *testing.T, main string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":           "module example.com/hello\n\ngo 1.26.0\n\nrequire example.com/pinned v1.2.3 // indirect\n\nreplace example.com/pinned => ./pinned\n",
		"main.go":          main,
		"pinned/go.mod":    "module example.com/pinned\n",
		"pinned/pinned.go": "package pinned\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const goodMain = "package main\n\nvar version string\n\nfunc main() { print(version) }\n"

// output collects progress from several builders.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func TestProgramsAreBuiltOnceHoweverManyAsk(t *testing.T) {
	source, cache := helloModule(t, goodMain), t.TempDir()
	var progress output
	var builders sync.WaitGroup
	for range 4 {
		builders.Go(func() {
			dir, err := hello.cached(t.Context(), source, cache, &progress)
			if err != nil {
				t.Error(err)
				return
			}
			out, err := exec.Command(filepath.Join(dir, "hello")).CombinedOutput()
			if err != nil || string(out) != "v1.2.3" {
				t.Errorf("the program says %q, %v; want its version", out, err)
			}
		})
	}
	builders.Wait()
	if n := strings.Count(progress.text.String(), "control plane: built hello v1.2.3"); n != 1 {
		t.Errorf("built %d times:\n%s", n, progress.text.String())
	}
}

func TestABuildThatFailsLeavesNothingToUse(t *testing.T) {
	source, cache := helloModule(t, "package main\n\nfunc main() { nonsense }\n"), t.TempDir()
	_, err := hello.cached(t.Context(), source, cache, &output{})
	if err == nil || !strings.Contains(err.Error(), "build hello v1.2.3") || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("the error does not say what failed and why: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cache, "hello-v1.2.3")); !os.IsNotExist(err) {
		t.Errorf("a folder is left in the cache: %v", err)
	}
}

func TestABuildThatWasCutOffIsNotUsed(t *testing.T) {
	source, cache := helloModule(t, goodMain), t.TempDir()
	partial := filepath.Join(cache, "hello-v1.2.3.partial")
	if err := os.MkdirAll(partial, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(partial, "hello"), []byte("half a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := hello.cached(t.Context(), source, cache, &output{})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(dir, "hello")).CombinedOutput(); err != nil {
		t.Errorf("the program does not run: %v: %s", err, out)
	}
}

func TestAssetsFolderIsUsedWhereItHasThePrograms(t *testing.T) {
	assets := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	if err := os.WriteFile(filepath.Join(assets, "hello"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if dir, err := hello.dir(t.Context(), &output{}); err != nil || dir != assets {
		t.Errorf("dir = %q, %v; want the assets folder", dir, err)
	}
}

func TestThePinnedVersionsAreFound(t *testing.T) {
	for _, p := range []programs{etcdPrograms, kubernetesPrograms} {
		version, err := p.version(filepath.Join(p.module, "go.mod"))
		if err != nil || !strings.HasPrefix(version, "v") {
			t.Errorf("%s: %q, %v", p.module, version, err)
		}
	}
}
