package kubemirror

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// Build builds the product's program into dir and returns its path. A path in
// the environment variable KUBEMIRROR_BINARY is returned instead: a program
// built otherwise, with the race detector for instance.
func Build(ctx context.Context, dir string) (string, error) {
	if path := os.Getenv("KUBEMIRROR_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	root, err := repo.Root(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "kubemirror")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, ".") //nolint:gosec // our own program
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build kubemirror: %w; go build said:\n%s", err, out)
	}
	return path, nil
}
