package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// workers is how many writes there are at a time, raw ones too.
const workers = 20

// subject is a running process of a contender.
type subject struct {
	*kubemirror.Kubemirror
	// readyAfter is how long it took until it was ready: what there is has been read.
	readyAfter time.Duration
}

// start runs the contender and waits until it is ready.
func (s *stage) start(ctx context.Context) (*subject, error) {
	kubeconfig, err := s.plane.Kubeconfig(user, controlplane.Admins)
	if err != nil {
		return nil, err
	}
	if s.relay != nil {
		if kubeconfig, err = s.relay.through(kubeconfig, s.plane.URL()); err != nil {
			return nil, err
		}
	}
	probes, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// Probes are at an address that we choose: another program may not log it.
	flags := []string{
		"--health-probe-bind-address=" + probes, "--leader-elect=false", "--max-targets=100000",
		fmt.Sprintf("--worker-threads=%d", workers), "--rate-limit-qps=100000", "--rate-limit-burst=100000",
	}
	begin := time.Now()
	process, err := kubemirror.Start(kubemirror.Config{
		Binary: s.binary, Name: s.name, Dir: s.dir, Kubeconfig: kubeconfig, Flags: flags,
		Env: []string{"GOMAXPROCS=1"}, // as the chart has it
	})
	if err != nil {
		return nil, err
	}
	if err := ready(ctx, process, probes); err != nil {
		process.Kill()
		return nil, err
	}
	return &subject{process, time.Since(begin)}, s.quiet(ctx)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

func ready(ctx context.Context, process *kubemirror.Kubemirror, probes string) error {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if process.Ended() || ctx.Err() != nil {
			break
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+probes+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("%s did not become ready; its log ends:\n%s", process.Name(), process.LogTail(20))
}

// stop ends the process as Kubernetes would, if there is one.
func (p *subject) stop() error {
	if p == nil {
		return nil
	}
	_, err := p.Stop(30 * time.Second)
	return err
}

// megabyte as in MB, not MiB.
const megabyte = 1e6
