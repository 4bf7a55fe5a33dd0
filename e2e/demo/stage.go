package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// stage is what the play needs: a control plane, and two replicas of kubemirror
// that take turns by a lease.
type stage struct {
	dir      string // the program and the logs
	plane    *controlplane.ControlPlane
	replicas []*kubemirror.Kubemirror
	cluster  cluster
	plugin   string // kubectl-mirror
}

func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "kubemirror-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	return &stage{dir: dir}, nil
}

// clear ends and removes whatever was started. Nothing is worth keeping, so nothing
// is asked to end.
func (s *stage) clear() error {
	for _, replica := range s.replicas {
		replica.Kill()
	}
	var err error
	if s.plane != nil {
		err = s.plane.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// set builds what is not built yet, and starts it.
func (s *stage) set(ctx context.Context, screen *screen) error {
	screen.keep("KubeMirror on a control plane of its own: a real API server, without nodes", "")
	// The first time this takes minutes, and says so on standard error.
	if _, err := controlplane.Build(ctx, os.Stderr); err != nil {
		return err
	}
	var binary string
	for _, part := range []struct {
		doing, done string
		do          func() error
	}{
		{"building kubemirror and kubectl-mirror", "kubemirror and kubectl-mirror built", func() (err error) {
			if binary, err = kubemirror.Build(ctx, s.dir); err != nil {
				return err
			}
			s.plugin, err = kubemirror.BuildPlugin(ctx, s.dir)
			return err
		}},
		{"starting etcd, the API server and the controller manager", "control plane started", func() error { return s.startControlPlane(ctx) }},
		{"starting two replicas of kubemirror", "two replicas of kubemirror started, one leads", func() error { return s.startReplicas(ctx, binary) }},
	} {
		screen.draw(entry(part.doing, "", "…"))
		begin := time.Now()
		if err := part.do(); err != nil {
			return err
		}
		screen.keep(entry(part.done, "", duration(time.Since(begin))))
	}
	return nil
}

func (s *stage) startControlPlane(ctx context.Context) (err error) {
	if s.plane, err = controlplane.Start(ctx, controlplane.Options{}); err != nil {
		return err
	}
	config, err := s.plane.RESTConfig("demo", admins)
	if err != nil {
		return err
	}
	config.WarningHandler = rest.NoWarnings{} // the certificate of an example is none, which it says
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	s.cluster = cluster{client}
	return nil
}

func (s *stage) startReplicas(ctx context.Context, binary string) error {
	kubeconfig, err := s.plane.Kubeconfig("kubemirror", admins)
	if err != nil {
		return err
	}
	for _, name := range []string{"kubemirror-1", "kubemirror-2"} {
		replica, err := kubemirror.Start(kubemirror.Config{Binary: binary, Name: name, Dir: s.dir, Kubeconfig: kubeconfig})
		if err != nil {
			return err
		}
		s.replicas = append(s.replicas, replica)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.leader(ctx); err != nil {
		return err
	}
	for _, replica := range s.replicas {
		if err := replica.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leader waits until a replica leads, as its metrics tell, and returns it.
func (s *stage) leader(ctx context.Context) (*kubemirror.Kubemirror, error) {
	for {
		for _, replica := range s.replicas {
			metrics, err := replica.Metrics(ctx)
			if err == nil && metrics.Sum("leader_election_master_status") == 1 {
				return replica, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no replica of kubemirror has come to lead: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// logs are the ends of the logs, for when something went wrong.
func (s *stage) logs() string {
	var text strings.Builder
	for _, replica := range s.replicas {
		fmt.Fprintf(&text, "\nthe log of %s ends:\n%s\n", replica.Name(), replica.LogTail(15))
	}
	return text.String()
}
