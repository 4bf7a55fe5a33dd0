package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

// startTimeout is how long one component may take until it is ready. It takes
// seconds; a machine that is busy with something else takes longer.
const startTimeout = 2 * time.Minute

// Options change how the control plane runs. The zero value is the usual one.
type Options struct {
	// APIServerFlags are added to the API server's own and win over them; those of
	// the environment (FlagsVariable) come last.
	APIServerFlags []string
	// AuditPolicy replaces audit.Policy.
	AuditPolicy string
	// Verbosity is the log level (-v) of the API server and the controller
	// manager.
	Verbosity int
	// Progress takes the lines that say that something is being built; nil
	// means standard error.
	Progress io.Writer
}

// FlagsVariable is the environment variable that has more flags for every API server
// that is started, with blanks between them: whatever runs on a control plane can be
// run once more on one that is set up otherwise.
const FlagsVariable = "APISERVER_FLAGS"

// WithoutWatchList has the API server refuse to stream lists, as all did by default
// before Kubernetes 1.34: clients fall back to plain lists by themselves.
const WithoutWatchList = "--feature-gates=WatchList=false"

// ControlPlane is a running control plane. Its methods may be called from any
// goroutine, but for those that stop, start, pause and resume the API server:
// these are one test's at a time.
type ControlPlane struct {
	options   Options
	binaries  Binaries
	dir       dir
	authority *authority
	port      port

	etcd              *process.Process
	apiServer         *process.Process
	controllerManager *process.Process

	stop sync.Once
}

// Start builds what is not built yet, starts the three components and waits
// until the API server is ready. When ctx ends before that, or a component
// doesn't come up, the error names the component and shows the end of its log,
// and nothing is left behind. After Start, ctx no longer matters; call Stop.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	binaries, err := Build(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	o.APIServerFlags = slices.Concat(o.APIServerFlags, strings.Fields(os.Getenv(FlagsVariable)))
	dir, err := newDir("", cmp.Or(o.AuditPolicy, audit.Policy))
	if err != nil {
		return nil, err
	}
	port, err := reservePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(string(dir)))
	}
	c := &ControlPlane{options: o, binaries: binaries, dir: dir, port: port}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context) error {
	var err error
	if c.authority, err = newAuthority(); err != nil {
		return err
	}
	if err := c.authority.writeKeys(c.dir); err != nil {
		return err
	}
	if c.etcd, err = c.run("etcd", c.binaries.Etcd, etcdArgs(c.dir)); err != nil {
		return err
	}
	if err := await(ctx, c.etcd, c.etcdHealthy); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	kubeconfig, err := c.Kubeconfig("system:kube-controller-manager", Admins)
	if err != nil {
		return err
	}
	c.controllerManager, err = c.run("kube-controller-manager", c.binaries.ControllerManager,
		controllerManagerArgs(c.dir, kubeconfig, c.options))
	return err
}

func (c *ControlPlane) run(name, path string, args []string) (*process.Process, error) {
	return process.Start(process.Config{Name: name, Path: path, Args: args, Log: c.dir.file(name + ".log")})
}

// URL is the API server's address.
func (c *ControlPlane) URL() string { return fmt.Sprintf("https://127.0.0.1:%d", c.port.number) }

// Audit is the API server's audit log.
func (c *ControlPlane) Audit() *audit.Log { return audit.NewLog(c.dir.file("audit.log")) }

// APIServerCPUTime is how long the API server has computed, on all cores.
func (c *ControlPlane) APIServerCPUTime() (time.Duration, error) { return c.apiServer.CPUTime() }

// StartAPIServer starts the API server after StopAPIServer, at the same
// address and with the same data, and waits until it is ready.
func (c *ControlPlane) StartAPIServer(ctx context.Context) error {
	var err error
	c.apiServer, err = c.run("kube-apiserver", c.binaries.APIServer, apiServerArgs(c.dir, c.port.number, c.options))
	if err != nil {
		return err
	}
	return await(ctx, c.apiServer, c.Healthy)
}

// StopAPIServer ends the API server without warning, as a crash would:
// connections break, and new ones are refused until StartAPIServer.
func (c *ControlPlane) StopAPIServer() { c.apiServer.Kill() }

// RenewServerCertificate replaces the API server's certificate and key by new ones of the
// same authority, as a rotation does. The server takes them up when it is started again,
// or within a minute.
func (c *ControlPlane) RenewServerCertificate() error { return c.authority.writeServer(c.dir) }

// PauseAPIServer makes the API server stop answering: connections stay, and
// requests wait, until ResumeAPIServer.
func (c *ControlPlane) PauseAPIServer() error { return c.apiServer.Signal(syscall.SIGSTOP) }

// ResumeAPIServer lets a paused API server go on.
func (c *ControlPlane) ResumeAPIServer() error { return c.apiServer.Signal(syscall.SIGCONT) }

// Check returns an error if a component has ended that nobody stopped, with the
// end of its log: worth a look when a test has failed.
func (c *ControlPlane) Check() error {
	var problems []error
	for _, p := range c.processes() {
		if p.Ended() {
			problems = append(problems, ended(p))
		}
	}
	return errors.Join(problems...)
}

// Stop ends all processes and removes all files. It may be called more than
// once.
func (c *ControlPlane) Stop() error {
	var err error
	c.stop.Do(func() {
		// Nothing is worth keeping, so nothing needs time to shut down.
		for _, p := range c.processes() {
			p.Kill()
		}
		c.port.close()
		if err = os.RemoveAll(string(c.dir)); err != nil {
			err = fmt.Errorf("remove the control plane's folder: %w", err)
		}
	})
	return err
}

// processes are those that were started, those that depend on others first.
func (c *ControlPlane) processes() []*process.Process {
	var started []*process.Process
	for _, p := range []*process.Process{c.controllerManager, c.apiServer, c.etcd} {
		if p != nil {
			started = append(started, p)
		}
	}
	return started
}

// await asks a component whether it is ready until it is.
func await(ctx context.Context, p *process.Process, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return ended(p)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; it said last: %w; its log ends:\n%s", p.Name(), ctx.Err(), err, p.LogTail(20))
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func ended(p *process.Process) error {
	return fmt.Errorf("%s ended with exit code %d; its log ends:\n%s", p.Name(), p.ExitCode(), indent(p.LogTail(20)))
}

func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
