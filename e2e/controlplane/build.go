package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// programs is what one module of ours builds: the module's folder beside this
// file pins the version, the cache keeps the outcome.
type programs struct {
	module   string            // folder of the module, below e2e/controlplane
	source   string            // module whose version tells what is built
	packages map[string]string // main package of each program, by the program's name
	ldflags  func(version string) string
}

var (
	etcdPrograms = programs{
		module:   "etcd",
		source:   "go.etcd.io/etcd/server/v3",
		packages: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"},
		ldflags:  func(string) string { return "-s -w" },
	}
	kubernetesPrograms = programs{
		module: "kubernetes",
		source: "k8s.io/kubernetes",
		packages: map[string]string{
			"kube-apiserver":          "k8s.io/kubernetes/cmd/kube-apiserver",
			"kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
		},
		ldflags: func(version string) string {
			return "-s -w -X k8s.io/component-base/version.gitVersion=" + version
		},
	}
)

// Binaries are the files of the control plane's programs.
type Binaries struct {
	Etcd, APIServer, ControllerManager string
}

// Build returns the control plane's programs, building those that are not there
// yet. The first time this takes minutes and needs the Go module proxy;
// progress says so, in a line now and then. The outcome is kept by version in
// the user's cache folder, and processes that come at the same time build once.
//
// A folder named by KUBEBUILDER_ASSETS comes first: etcd, or the two programs
// of Kubernetes, are taken from there where it has them.
func Build(ctx context.Context, progress io.Writer) (Binaries, error) {
	etcd, err := etcdPrograms.dir(ctx, progress)
	if err != nil {
		return Binaries{}, err
	}
	kubernetes, err := kubernetesPrograms.dir(ctx, progress)
	if err != nil {
		return Binaries{}, err
	}
	return Binaries{
		Etcd:              filepath.Join(etcd, "etcd"),
		APIServer:         filepath.Join(kubernetes, "kube-apiserver"),
		ControllerManager: filepath.Join(kubernetes, "kube-controller-manager"),
	}, nil
}

// dir returns a folder that holds the programs.
func (p programs) dir(ctx context.Context, progress io.Writer) (string, error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" && p.complete(assets) {
		return assets, nil
	}
	root, err := repo.Root(ctx)
	if err != nil {
		return "", err
	}
	source := filepath.Join(root, "e2e", "controlplane", p.module)
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder for the control plane: %w; set HOME or XDG_CACHE_HOME", err)
	}
	return p.cached(ctx, source, filepath.Join(cache, "kubemirror", "control-plane"), progress)
}

// cached returns the folder below cache that holds the programs, and builds
// them from the module in source if it does not.
func (p programs) cached(ctx context.Context, source, cache string, progress io.Writer) (string, error) {
	version, err := p.version(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, p.module+"-"+version)
	if p.complete(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", fmt.Errorf("make the cache folder for the control plane: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock", func() {
		_, _ = fmt.Fprintf(progress, "control plane: waiting for another process that builds %s %s\n", p.module, version)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if p.complete(dir) { // built by whoever held the lock
		return dir, nil
	}
	return dir, p.build(ctx, source, dir, version, progress)
}

// complete reports whether the folder holds every program.
func (p programs) complete(dir string) bool {
	for _, name := range p.names() {
		info, err := os.Stat(filepath.Join(dir, name)) //nolint:gosec // a folder that the user named
		if err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// names are the programs' names, in order.
func (p programs) names() []string { return slices.Sorted(maps.Keys(p.packages)) }

// version reads from a go.mod which version of the source it pins.
func (p programs) version(gomod string) (string, error) {
	text, err := os.ReadFile(gomod) //nolint:gosec // a file of our own tree
	if err != nil {
		return "", fmt.Errorf("read which version of the control plane is wanted: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && fields[0] == p.source && strings.HasPrefix(fields[1], "v") {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s requires no version of %s", gomod, p.source)
}

// build makes the programs in a folder beside dir and moves them into place when
// all of them are there. The caller holds the lock.
func (p programs) build(ctx context.Context, source, dir, version string, progress io.Writer) error {
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil { // from a build that was cut off
		return fmt.Errorf("clear an unfinished build: %w", err)
	}
	report := newReport(progress, fmt.Sprintf("%s %s", strings.Join(p.names(), " and "), version))
	for _, name := range p.names() {
		args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", p.ldflags(version),
			"-o", filepath.Join(partial, name), p.packages[name]}
		cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are the constants above
		cmd.Dir = source
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		cmd.Stderr = report
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that go ends its compilers and clears up
		cmd.WaitDelay = 10 * time.Second
		if err := cmd.Run(); err != nil {
			report.end(false)
			return fmt.Errorf("build %s %s: %w; go build said last:\n%s", name, version, errors.Join(err, ctx.Err()), report.tail())
		}
	}
	report.end(true)
	if err := os.RemoveAll(dir); err != nil { // an incomplete folder, or we would not be here
		return fmt.Errorf("clear %s: %w", dir, err)
	}
	if err := os.Rename(partial, dir); err != nil {
		return fmt.Errorf("put the built control plane into place: %w", err)
	}
	return nil
}
