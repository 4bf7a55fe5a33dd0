package leader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// ErrLost is returned by Run when the Lease could not be renewed in time, or
// another process has it.
var ErrLost = errors.New("lost the lease")

// The durations of Kubernetes' own components: how long a standby waits after the
// last renewal that it saw, how long the holder tries to renew, and how often it does.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	renewPeriod   = 2 * time.Second
)

// retryPeriod is how often the elector does something. A standby looks at the Lease
// after that time and up to 1.2 times as much again, at random, so that one that is
// released is taken within 660 ms; Kubernetes' own 2 s would make that 4.4. It costs two
// GETs of the Lease a second for each standby, a third of one with 2 s. To watch it
// would cost a watch, and a right more, and the elector takes no hints. The holder
// doesn't write the more often for it (see lock.Update): what is at rest is written to
// etcd no more than before.
const retryPeriod = 300 * time.Millisecond

// Config is what Run needs. All of it must be set.
type Config struct {
	// Lease is the Lease, and who stands for it. NewLease makes one.
	Lease *resourcelock.LeaseLock
	// Health fails while a Lease that this process should hold has run out.
	Health *leaderelection.HealthzAdaptor
	// Term is told until when this process may write.
	Term *Term
	// OnLeading is called with true once this process holds the Lease, and with
	// false when it no longer stands for it.
	OnLeading func(leading bool)
}

// Run waits for the Lease and runs the work while it holds it. It returns when
//
//   - the context ends: at once with nil while it waits; otherwise after the work,
//     whose context has ended too, has returned and the Lease is released. How
//     long the work may take is the work's matter: until then the Lease is renewed;
//   - the work returns by itself: the Lease is released, and the work's error returned;
//   - the Lease is lost: the work's context ends, and Run returns ErrLost when the
//     work has returned, or without it when the Lease has run out, for from then
//     on another process may work. The process must exit.
//
// If the work returned nil and the release failed, the error says so: a standby
// then waits for as long as the Lease runs.
func Run(ctx context.Context, c Config, work func(ctx context.Context) error) error {
	logger := klog.FromContext(ctx).WithValues("identity", c.Lease.Identity())
	electing, stop := context.WithCancel(klog.NewContext(context.WithoutCancel(ctx), logger))
	defer stop()
	e := &election{
		lock:    &lock{LeaseLock: c.Lease, term: c.Term, giveUp: stop},
		started: make(chan context.Context, 1),
		ended:   make(chan struct{}),
	}
	elector, err := e.elector(electing)
	if err != nil {
		return fmt.Errorf("stand for the lease %s: %w", e.Describe(), err)
	}
	c.Health.SetLeaderElection(elector)
	go elector.Run(electing)
	select {
	case leading := <-e.started:
		c.OnLeading(true)
		defer c.OnLeading(false)
		return e.lead(ctx, leading, work)
	case <-ctx.Done():
		stop()
		<-e.ended
		return e.release(ctx)
	}
}

// election is one run of client-go's elector.
type election struct {
	*lock
	started chan context.Context // gets the context that ends with the Lease
	ended   chan struct{}        // closed when the elector has returned
}

// elector returns the elector, whose Run ends with the context or the Lease.
func (e *election) elector(ctx context.Context) (*leaderelection.LeaderElector, error) {
	return leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: e.LeaseMeta.Name, Lock: e.lock,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) { e.started <- leading },
			OnStoppedLeading: func() { close(e.ended) },
			OnNewLeader: func(holder string) {
				if holder != e.Identity() && ctx.Err() == nil {
					klog.FromContext(ctx).Info("Another process holds the lease", "lock", e.Describe(), "holder", holder)
				}
			},
		},
	})
}

// lead runs the work, under a context that ends with ctx or when the Lease is lost.
func (e *election) lead(ctx, leading context.Context, work func(ctx context.Context) error) error {
	working, stopWork := context.WithCancel(ctx)
	defer stopWork()
	context.AfterFunc(leading, stopWork)
	var err error // of the work, once it has returned
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		err = work(working)
	}()

	select {
	case <-worked:
		if leading.Err() == nil {
			e.giveUp()
			<-e.ended
			return cmp.Or(err, e.release(ctx))
		}
		// It returned because the Lease was lost.
	case <-leading.Done():
	}
	<-e.ended
	lost := fmt.Errorf("%w %s: %w", ErrLost, e.Describe(), e.lost())
	select {
	case <-worked:
	case <-time.After(time.Until(e.renewed.Add(leaseDuration))):
	}
	return lost
}
