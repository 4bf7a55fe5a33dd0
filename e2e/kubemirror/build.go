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
// the environment variable KUBEMIRROR_BINARY, absolute or from the repository's
// root, is returned instead: a program built otherwise, with the race detector
// for instance.
func Build(ctx context.Context, dir string) (string, error) {
	root, err := repo.Root(ctx)
	if err != nil {
		return "", err
	}
	if path := os.Getenv("KUBEMIRROR_BINARY"); path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		return path, nil
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
