package kit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// stopGrace is how long a process may take to drain. What it does takes well
// under a second; only a process that hangs gets near.
const stopGrace = 30 * time.Second

// Kubemirror is a kubemirror process of a test.
type Kubemirror struct {
	*kubemirror.Kubemirror
	// User is who the process is to the API server: nobody else is.
	User string

	env *Env
	// asInstalled says that it has the rights of the manifests.
	asInstalled bool
}

// Launch says how to run a kubemirror process where Start's way won't do.
type Launch struct {
	// Flags are added to the test's own, and win over them.
	Flags []string
	// Env is added to the environment; each entry is KEY=value.
	Env []string
	// Groups are those of the process's user; nil means Controllers: it may do what
	// the manifests let it. For less, name a group and bind a role to it.
	Groups []string
	// Kubeconfig replaces the one made for the process.
	Kubeconfig string
}

// Start runs a kubemirror that mirrors among the test's namespaces and waits
// until it is ready. Each call starts one more: they compete for one lease.
func (e *Env) Start(flags ...string) *Kubemirror {
	e.t.Helper()
	k := e.Launch(Launch{Flags: flags})
	k.WaitReady()
	return k
}

// Launch runs a kubemirror and does not wait.
func (e *Env) Launch(l Launch) *Kubemirror {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	user := fmt.Sprintf("%s-kubemirror-%d", e.prefix, len(e.processes)+1)
	asInstalled := l.Groups == nil && l.Kubeconfig == ""
	if l.Groups == nil {
		l.Groups = []string{Controllers}
	}
	if l.Kubeconfig == "" {
		path, err := e.suite.plane.Kubeconfig(user, l.Groups...)
		if err != nil {
			e.t.Fatal(err)
		}
		l.Kubeconfig = path
	}
	process, err := kubemirror.Start(kubemirror.Config{
		Binary:     e.suite.binary,
		Name:       user,
		Dir:        e.t.ArtifactDir(),
		Kubeconfig: l.Kubeconfig,
		Env:        l.Env,
		Flags: append([]string{
			"--source-namespaces=" + e.prefix + "-*",
			"--included-namespaces=" + e.prefix + "-*",
			"--leader-election-namespace=" + e.leaseNamespace(),
		}, l.Flags...),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.abroad = e.abroad || slices.ContainsFunc(l.Flags, func(flag string) bool {
		return strings.HasPrefix(flag, "--source-namespaces=") && !strings.Contains(flag, e.prefix)
	})
	k := &Kubemirror{Kubemirror: process, User: user, env: e, asInstalled: asInstalled}
	e.processes = append(e.processes, k)
	return k
}

// WaitReady waits until the process says that it is ready.
func (k *Kubemirror) WaitReady() {
	k.env.t.Helper()
	ctx, cancel := k.env.context()
	defer cancel()
	if err := k.Ready(ctx); err != nil {
		k.env.t.Fatal(err)
	}
}

// Stop asks the process to end (SIGTERM), waits for it, and returns its exit
// code. One that does not end fails the test.
func (k *Kubemirror) Stop() int {
	k.env.t.Helper()
	code, err := k.Process.Stop(stopGrace)
	if err != nil {
		k.env.t.Fatal(err)
	}
	return code
}

// WaitExit waits until the process ends by itself and returns its exit code.
func (k *Kubemirror) WaitExit() int {
	k.env.t.Helper()
	select {
	case <-k.Done():
	case <-time.After(k.env.patience):
		k.env.t.Fatalf("%v passed, and %s has not ended", k.env.patience, k.Name())
	}
	return k.ExitCode()
}

// Metrics reads the process's metrics now.
func (k *Kubemirror) Metrics() kubemirror.Metrics {
	k.env.t.Helper()
	ctx, cancel := k.env.context()
	defer cancel()
	m, err := k.Kubemirror.Metrics(ctx)
	if err != nil {
		k.env.t.Fatal(err)
	}
	return m
}

// Mark is this moment in the audit log; see Since.
func (e *Env) Mark() audit.Mark {
	e.t.Helper()
	mark, err := e.Audit().Mark()
	if err != nil {
		e.t.Fatal(err)
	}
	return mark
}

// Since returns what the process has asked of the API server since the mark,
// less the lease: exact for all that it has had an answer to. Choose among them
// with Where(audit.Filter{...}).
func (k *Kubemirror) Since(mark audit.Mark) audit.Requests {
	k.env.t.Helper()
	ctx, cancel := k.env.context()
	defer cancel()
	requests, err := k.env.Audit().Since(ctx, mark, audit.Filter{User: k.User, Except: []string{"leases"}})
	if err != nil {
		k.env.t.Fatal(err)
	}
	return requests
}

// statusPeriod is how long a source's next status may be put off after the last, and some
// time for it to be written.
const statusPeriod = 2300 * time.Millisecond

// WaitQuiet waits until the process has asked nothing of the API server for as long
// as d, the lease and watches aside, and has no status put off.
func (k *Kubemirror) WaitQuiet(d time.Duration) {
	k.env.t.Helper()
	patches := k.Since(k.env.begin).Where(audit.Filter{Verbs: []string{"patch"}})
	k.env.Eventually(fmt.Sprintf("%s is quiet for %v", k.Name(), d), func(ctx context.Context) error {
		mark := k.env.Mark()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
		}
		requests := k.Since(mark)
		patches = append(patches, requests.Where(audit.Filter{Verbs: []string{"patch"}})...)
		if asked := append(requests.Where(audit.Filter{Verbs: audit.Writes}), requests.Where(audit.Filter{Verbs: audit.Reads})...); len(asked) > 0 {
			return fmt.Errorf("it asked:\n%s", asked)
		}
		if n := len(patches); n > 0 && time.Since(patches[n-1].Received) < statusPeriod {
			return fmt.Errorf("the next status may be put off since %s", patches[n-1])
		}
		return nil
	})
}
