package process_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

// shell starts a shell script as a child.
func shell(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Config{
		Name: "script",
		Path: "/bin/sh",
		Args: []string{"-c", script},
		Env:  []string{"GREETING=hello"},
		Log:  filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestOutputAndExitCodeAreKept(t *testing.T) {
	p := shell(t, `echo $GREETING; echo world >&2; exit 3`)
	if got := p.ExitCode(); got != 3 {
		t.Errorf("exit code %d, want 3", got)
	}
	if got := p.Log(); got != "hello\nworld\n" {
		t.Errorf("log %q", got)
	}
	if got := p.LogTail(1); got != "world" {
		t.Errorf("tail %q", got)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("a signal to a process that has ended: %v", err)
	}
}

func TestStopReturnsTheExitCodeOfAProcessThatDrains(t *testing.T) {
	p := shell(t, `trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done`)
	awaitLog(t, p, "ready")
	code, err := p.Stop(10 * time.Second)
	if err != nil || code != 7 {
		t.Errorf("Stop = %d, %v; want 7, nil", code, err)
	}
}

func TestStopWakesAPausedProcess(t *testing.T) {
	p := shell(t, `trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done`)
	awaitLog(t, p, "ready")
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Stop(10 * time.Second); err != nil || code != 0 {
		t.Errorf("Stop = %d, %v; want 0, nil", code, err)
	}
}

func TestStopKillsAProcessThatWillNotEnd(t *testing.T) {
	p := shell(t, `trap '' TERM; echo ready; while :; do sleep 0.05; done`)
	awaitLog(t, p, "ready")
	_, err := p.Stop(50 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("Stop = %v; want an error that says it was killed", err)
	}
	if !p.Ended() {
		t.Error("the process is still there")
	}
}

func TestAProgramThatIsMissingIsAnError(t *testing.T) {
	_, err := process.Start(process.Config{Name: "nothing", Path: "/does/not/exist", Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "start nothing") {
		t.Errorf("Start = %v; want an error that names the process", err)
	}
}

// awaitLog waits until the log holds the text.
func awaitLog(t *testing.T, p *process.Process, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.Log(), text) {
			return
		}
	}
	t.Fatalf("the log never said %q; it says %q", text, p.Log())
}
