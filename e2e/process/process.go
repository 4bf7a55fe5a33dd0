package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Config says which program to run and where its output goes.
type Config struct {
	// Name is what error messages call the process.
	Name string
	// Path is the program's file.
	Path string
	// Args are its arguments, without the program's own name.
	Args []string
	// Env is added to our own environment; each entry is KEY=value.
	Env []string
	// Log is the file that takes standard output and standard error. It is
	// created, and truncated if it is there.
	Log string
	// Files are open files that it inherits, as the descriptors 3 and on.
	Files []*os.File
}

// Process is a child that was started. Its methods may be called from any
// goroutine.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	exit int // valid once done is closed
}

// Start runs the program. It returns once the program runs; whether it is of
// use yet is the caller's to find out.
func Start(c Config) (*Process, error) {
	log, err := os.Create(c.Log)
	if err != nil {
		return nil, fmt.Errorf("create the log of %s: %w", c.Name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor

	cmd := exec.Command(c.Path, c.Args...) //nolint:gosec // running what it is told is what this package does
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = c.Files
	cmd.SysProcAttr = attributes()

	p := &Process{name: c.Name, log: c.Log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

// run starts the child and waits for it, on one thread that lives as long as
// the child does: the kernel's "signal the child when its parent dies" means
// the thread that started it, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	_ = p.cmd.Wait() // the exit code says all that the error would
	p.exit = p.cmd.ProcessState.ExitCode()
	close(p.done)
}

// Name is the name that the process was given.
func (p *Process) Name() string { return p.name }

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExitCode waits for the end of the process and returns its exit code, -1 if a
// signal ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.exit
}

// Signal sends a signal. A process that has ended is no error: the signal came
// too late, as it might have anyway.
func (p *Process) Signal(s syscall.Signal) error {
	err := p.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("send %v to %s (pid %d): %w", s, p.name, p.PID(), err)
	}
	return nil
}

// Stop asks the process to end (SIGTERM), waits up to grace for it, and
// returns its exit code. A process that is still there then is killed, which
// is an error.
func (p *Process) Stop(grace time.Duration) (int, error) {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return -1, err
	}
	if err := p.Signal(syscall.SIGCONT); err != nil { // a paused process would not see the request
		return -1, err
	}
	select {
	case <-p.done:
		return p.exit, nil
	case <-time.After(grace):
		p.Kill()
		return -1, fmt.Errorf("%s (pid %d) was still there %v after SIGTERM and was killed; its log ends:\n%s",
			p.name, p.PID(), grace, p.LogTail(20))
	}
}

// Kill ends the process at once (SIGKILL) and waits until it is gone.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL) // our own child: the one failure left is that it has ended
	<-p.done
}
