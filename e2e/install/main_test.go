// Package install has the tests of how kubemirror comes to a cluster and leaves
// it: the chart and the manifests, applied to a real API server, and `kubemirror
// cleanup`. Nothing here runs in parallel: what is tested is the whole cluster's.
package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

func TestMain(m *testing.M) { kit.Run(m) }

// domain begins every label and annotation of kubemirror.
const domain = "kubemirror.raczylo.com/"

// root is the repository's folder.
var root = sync.OnceValues(func() (string, error) { return repo.Root(context.Background()) })

// path is a file of the repository.
func path(t testing.TB, elements ...string) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{dir}, elements...)...)
}

// binary builds kubemirror for a test that runs it by itself.
func binary(t testing.TB) string {
	t.Helper()
	built, err := kubemirror.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// kubeconfig is that of a user of these groups.
func kubeconfig(t testing.TB, env *kit.Env, user string, groups ...string) string {
	t.Helper()
	file, err := env.ControlPlane().Kubeconfig(user, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// admin is the kubeconfig of one who may do everything.
func admin(t testing.TB, env *kit.Env) string {
	t.Helper()
	return kubeconfig(t, env, "admin", controlplane.Admins)
}

// outcome is what became of a command.
type outcome struct {
	out, errors string
	code        int
}

func (o outcome) String() string {
	return fmt.Sprintf("exit code %d, output:\n%s\nerrors:\n%s", o.code, o.out, o.errors)
}

// run runs a command to its end.
func run(t testing.TB, stdin, name string, args ...string) outcome {
	t.Helper()
	return runWithin(t, 3*time.Minute, stdin, name, args...)
}

func runWithin(t testing.TB, d time.Duration, stdin, name string, args ...string) outcome {
	t.Helper()
	return runIn(t, d, nil, stdin, name, args...)
}

// runIn runs a command with more in its environment.
func runIn(t testing.TB, d time.Duration, environment []string, stdin, name string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d) // not the test's: cleanups run commands too
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(stdin), &out, &errs
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	cmd.Env = append(cmd.Env, environment...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", name, err)
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must fails the test if the command did.
func must(t testing.TB, what string, o outcome) string {
	t.Helper()
	if o.code != 0 {
		t.Fatalf("%s: %s", what, o)
	}
	return o.out
}
