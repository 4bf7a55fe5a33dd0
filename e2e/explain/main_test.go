// Package explain has the tests of "kubectl mirror" on a real API server: what its commands
// print, to whom, and that what it says is what the controller does.
package explain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// folder is where the plugin is built; it goes with the tests.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "kubectl-mirror-"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	kit.Run(m)
}

// domain begins every label and annotation of kubemirror.
const domain = "kubemirror.raczylo.com/"

// plugin is the program, built once for all tests.
var plugin = sync.OnceValues(func() (string, error) { return kubemirror.BuildPlugin(context.Background(), folder) })

// outcome is what became of a command.
type outcome struct {
	out, errors string
	code        int
}

func (o outcome) String() string {
	return fmt.Sprintf("exit code %d, output:\n%s\nerrors:\n%s", o.code, o.out, o.errors)
}

// user is somebody who runs the plugin.
type user struct {
	t      *testing.T
	env    *kit.Env
	config string
	// flags are the controller's, as the user tells them; nil leaves it to the plugin to
	// find out.
	flags *string
}

// somebody is a user of these groups. The flags are those of a controller that the kit
// starts.
func somebody(t *testing.T, env *kit.Env, name string, groups ...string) user {
	t.Helper()
	config, err := env.ControlPlane().Kubeconfig(env.Name(name), groups...)
	if err != nil {
		t.Fatal(err)
	}
	flags := "--source-namespaces=" + env.Prefix() + "-* --included-namespaces=" + env.Prefix() + "-*"
	return user{t, env, config, &flags}
}

func admin(t *testing.T, env *kit.Env) user { return somebody(t, env, "admin", controlplane.Admins) }

// mirror runs the plugin. In its arguments, PREFIX stands for the test's prefix, and in what
// it prints the prefix is PREFIX again, and a moment is TIME.
func (u user) mirror(args ...string) outcome {
	u.t.Helper()
	args = append(args, "--kubeconfig="+u.config)
	if u.flags != nil {
		args = append(args, "--controller-flags="+*u.flags)
	}
	return u.run(args...)
}

// run is mirror with just these arguments.
func (u user) run(args ...string) outcome {
	u.t.Helper()
	path, err := plugin()
	if err != nil {
		u.t.Fatal(err)
	}
	here := func(text string) string { return strings.ReplaceAll(text, "PREFIX", u.env.Prefix()) }
	for n := range args {
		args[n] = here(args[n])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	failed := (*exec.ExitError)(nil)
	if err != nil && !errors.As(err, &failed) {
		u.t.Fatal(err)
	}
	return outcome{u.told(out.String()), u.told(errs.String()), cmd.ProcessState.ExitCode()}
}

var moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

func (u user) told(text string) string {
	text = strings.ReplaceAll(text, u.env.Prefix()+"-", "PREFIX-")
	return moment.ReplaceAllString(text, "TIME")
}

var blanks = regexp.MustCompile(` {2,}`)

// even is a text with columns of any width, and without blanks around it.
func even(text string) string { return strings.TrimSpace(blanks.ReplaceAllString(text, "  ")) }

// expect runs the plugin and compares all that it prints, and how it ends. How wide a column
// is depends on the test's prefix, and doesn't count.
func (u user) expect(code int, args, out, errs string) {
	u.t.Helper()
	got := u.mirror(strings.Fields(args)...)
	if got.code != code || even(got.out) != even(out) || even(got.errors) != even(errs) {
		u.t.Errorf("kubectl mirror %s: %s\nwant exit code %d, output:\n%s\nerrors:\n%s", args, got, code, even(out), even(errs))
	}
}
