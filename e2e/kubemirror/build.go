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
	return build(ctx, root, dir, "kubemirror", ".")
}

// BuildPlugin builds kubectl-mirror into dir and returns its path.
func BuildPlugin(ctx context.Context, dir string) (string, error) {
	root, err := repo.Root(ctx)
	if err != nil {
		return "", err
	}
	return build(ctx, root, dir, "kubectl-mirror", "./kubectl-mirror")
}

func build(ctx context.Context, root, dir, name, folder string) (string, error) {
	path := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, folder) //nolint:gosec // our own program
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w; go build said:\n%s", name, err, out)
	}
	return path, nil
}
