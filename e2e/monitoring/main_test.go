// Package monitoring has the tests of what a person on call has: the recording
// rules and alerts, by promtool; the dashboard; the runbooks; and every query of
// all of them, run by a real Prometheus that scrapes a real kubemirror at work.
//
// What is tested are the files of manifests/monitoring; package install proves
// that the chart has the same.
package monitoring

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

func TestMain(m *testing.M) { kit.Run(m) }

// Where the rules of the manifests say that kubemirror runs.
const (
	job       = "kubemirror"
	namespace = "kubemirror-system"
)

// root is the repository's folder.
var root = sync.OnceValues(func() (string, error) { return repo.Root(context.Background()) })

// read reads a file of the repository.
func read(t testing.TB, elements ...string) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(append([]string{dir}, elements...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// prometheusTools builds Prometheus and promtool as their module pins them, in a
// folder of the user's cache, where Go finds them up to date the next time. The
// first time this takes minutes.
//
// They are built without the discovery of targets in clouds, which is most of
// Prometheus. (go tool would do the rest by itself, but knows no tags.)
var prometheusTools = sync.OnceValues(func() (string, error) {
	dir, err := root()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "kubemirror", "prometheus")
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Minute)
	defer cancel()
	const packages = "github.com/prometheus/prometheus/cmd/"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags=remove_all_sd", "-ldflags=-s -w",
		"-o", cache+string(filepath.Separator), packages+"prometheus", packages+"promtool")
	cmd.Dir = filepath.Join(dir, "tools", "prometheus")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Prometheus: %w; go build said:\n%s", err, out)
	}
	return cache, nil
})

// tool is the file of one of these programs.
func tool(t testing.TB, name string) string {
	t.Helper()
	dir, err := prometheusTools()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// rule is a recording rule or an alert.
type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

// rules are all rules of the manifests.
func rules(t testing.TB) (all []rule) {
	t.Helper()
	var manifest struct {
		Spec struct{ Groups []struct{ Rules []rule } }
	}
	if err := yaml.Unmarshal([]byte(read(t, "manifests", "monitoring", "rules.yaml")), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, group := range manifest.Spec.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// rulesFile writes the rules as Prometheus reads them from a file.
func rulesFile(t testing.TB, dir string) string {
	t.Helper()
	var manifest struct{ Spec map[string]any }
	if err := yaml.Unmarshal([]byte(read(t, "manifests", "monitoring", "rules.yaml")), &manifest); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(manifest.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, filepath.Join(dir, "rules.yaml"), string(text))
}

// written writes a file and returns its name.
func written(t testing.TB, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
