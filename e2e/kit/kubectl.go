package kit

import (
	"bytes"
	"os"
	"os/exec"
	"strings"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

// Kubectl runs kubectl as an administrator, with YAML as Apply takes it for its input,
// and returns what it prints. ApplySets, which it doesn't have by default yet, are on.
func (e *Env) Kubectl(stdin string, args ...string) string {
	e.t.Helper()
	config, err := e.suite.plane.Kubeconfig(e.Name("kubectl"), controlplane.Admins)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := e.context()
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", append([]string{"--kubeconfig=" + config}, args...)...) //nolint:gosec // the test's own words
	cmd.Env = append(os.Environ(), "KUBECTL_APPLYSET=true")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.ReplaceAll(stdin, "PREFIX", e.prefix)), &out, &errs
	if err := cmd.Run(); err != nil {
		e.t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}
