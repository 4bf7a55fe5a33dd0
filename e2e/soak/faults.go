package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// every is the time from the end of one fault to the next.
const every = 10 * time.Second

// faults is what goes wrong meanwhile.
type faults struct {
	*cluster
	random *rand.Rand
	did    counts
}

// run does one thing after the other until the context is done; an error says that the
// control plane didn't come back.
func (f *faults) run(ctx context.Context) error {
	kinds := []struct {
		name string
		do   func(context.Context, int) error
	}{
		{"killed", f.kill}, {"killed", f.kill}, {"asked to end", f.end}, {"stopped for 20 s", f.pause},
		{"API server killed", f.restartAPIServer}, {"etcd killed", f.restartEtcd}, {"history compacted", f.compact},
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		kind := kinds[f.random.IntN(len(kinds))]
		f.did[kind.name]++
		if err := kind.do(context.WithoutCancel(ctx), f.random.IntN(replicas)); err != nil {
			return err
		}
		for i := range replicas { // a leader that has lost the lease ends, as it should
			if f.replica(i).Ended() {
				if err := f.start(i); err != nil {
					return err
				}
			}
		}
	}
}

func (f *faults) kill(_ context.Context, i int) error {
	f.replica(i).Kill()
	return nil
}

func (f *faults) end(_ context.Context, i int) error {
	_, err := f.replica(i).Stop(30 * time.Second)
	return err
}

// pause is longer than a lease.
func (f *faults) pause(_ context.Context, i int) error {
	if err := f.replica(i).Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	<-time.After(20 * time.Second)
	return f.replica(i).Signal(syscall.SIGCONT)
}

func (f *faults) restartAPIServer(ctx context.Context, _ int) error {
	f.plane.StopAPIServer()
	return f.plane.StartAPIServer(ctx)
}

func (f *faults) restartEtcd(ctx context.Context, _ int) error {
	f.plane.KillEtcd()
	return f.plane.StartEtcd(ctx)
}

func (f *faults) compact(ctx context.Context, _ int) error { return f.plane.CompactEtcd(ctx) }
