package kit

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// shared is what all tests of a package use.
type shared struct {
	plane  *controlplane.ControlPlane
	client *client
	binary string
	// asInstalled: see RunAsInstalled.
	asInstalled bool
}

// suite is set by Run, before any test runs.
var suite *shared

// Run is the whole of a TestMain: it starts the control plane, builds
// kubemirror, runs the tests, stops the control plane and ends the process.
func Run(m *testing.M) { runWith(m, false) }

// RunWith is Run on an API server with further flags.
func RunWith(m *testing.M, apiServerFlags ...string) { runWith(m, false, apiServerFlags...) }

// RunAsInstalled is Run with the manifests' policy on what the controller may write,
// and a test fails where RBAC has refused the controller anything. That takes an API
// server that runs all the time: one that has just been started knows no rights.
//
// It keeps no cache of PodTemplates: there what it does between two looks at an object
// takes as long as a webhook does, and microseconds otherwise.
func RunAsInstalled(m *testing.M) { runWith(m, true, "--watch-cache-sizes=podtemplates#0") }

func runWith(m *testing.M, asInstalled bool, apiServerFlags ...string) {
	code, err := run(m, controlplane.Options{AuditPolicy: audit.PolicyWithContent, APIServerFlags: apiServerFlags}, asInstalled)
	if err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, o controlplane.Options, asInstalled bool) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "kubemirror-build-")
	if err != nil {
		return 1, fmt.Errorf("make a folder for the binary: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err := kubemirror.Build(ctx, dir)
	if err != nil {
		return 1, err
	}
	plane, err := controlplane.Start(ctx, o)
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := plane.Stop(); err == nil {
			err = stopErr
		}
	}()
	client, err := newClient(plane, tester, tester)
	if err != nil {
		return 1, err
	}
	if err := grant(ctx, client); err != nil {
		return 1, err
	}
	if asInstalled {
		if err := leash(ctx, client); err != nil {
			return 1, err
		}
	}
	suite = &shared{plane: plane, client: client, binary: binary, asInstalled: asInstalled}

	done := make(chan int, 1)
	go func() { done <- m.Run() }()
	select {
	case code := <-done:
		return code, plane.Check()
	case <-ctx.Done():
		return 1, fmt.Errorf("interrupted")
	}
}
