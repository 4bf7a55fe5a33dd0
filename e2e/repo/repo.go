// Package repo finds this repository's folders, for what is built from source
// and for the manifests that tests apply.
package repo

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Root is the repository's folder, where the product's go.mod is. It asks Go,
// and so fails outside the repository.
func Root(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/lukaszraczylo/kubemirror/e2e")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: go list: %w: %s; run this from within its e2e folder",
			err, bytes.TrimSpace(stderr.Bytes()))
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
