package leader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// ErrLost is returned by Run when the Lease could not be renewed in time, or
// another process has it.
var ErrLost = errors.New("lost the lease")

// Defaults of the durations in Config: those of Kubernetes' own components.
const (
	DefaultLeaseDuration = 15 * time.Second
	DefaultRenewDeadline = 10 * time.Second
	DefaultRetryPeriod   = 2 * time.Second
)

// Config is what an Elector needs. Leases, Namespace, Name and Identity must be set.
type Config struct {
	// Leases reads and writes the Leases of Namespace.
	Leases Leases
	// Namespace and Name are those of the Lease. It is created if need be.
	Namespace, Name string
	// Identity tells this process from all others that stand for the Lease, now
	// or later: a restarted process needs another one.
	Identity string
	// LeaseDuration is how long the others wait after the last renewal that they
	// saw, in whole seconds. RenewDeadline is how long the holder goes on without
	// a renewal; the work has the difference to end in before another process
	// may begin. RetryPeriod is the time between tries. Zero means the default.
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
	// OnLeading is told whether this process holds the Lease: once with false by
	// New, then at each change. It may be nil.
	OnLeading func(leading bool)
}

// Elector stands for a Lease. Make one with New.
type Elector struct {
	config Config
	lock   lock

	mu      sync.Mutex
	leading bool
	renewed time.Time // when the last renewal that succeeded was sent
}

// New returns an Elector. It sends no request. The error says what is wrong with
// the config.
func New(c Config) (*Elector, error) {
	c.LeaseDuration = orDefault(c.LeaseDuration, DefaultLeaseDuration)
	c.RenewDeadline = orDefault(c.RenewDeadline, DefaultRenewDeadline)
	c.RetryPeriod = orDefault(c.RetryPeriod, DefaultRetryPeriod)
	if c.OnLeading == nil {
		c.OnLeading = func(bool) {}
	}
	switch {
	case c.Leases == nil || c.Namespace == "" || c.Name == "" || c.Identity == "":
		return nil, fmt.Errorf("lease %q in namespace %q for %q: want a client, a name, a namespace and an identity", c.Name, c.Namespace, c.Identity)
	case c.LeaseDuration%time.Second != 0 || c.LeaseDuration <= c.RenewDeadline || c.RenewDeadline <= 2*c.RetryPeriod:
		return nil, fmt.Errorf("lease duration %s, renew deadline %s, retry period %s: want whole seconds for the first, more than the second, and that more than twice the third", c.LeaseDuration, c.RenewDeadline, c.RetryPeriod)
	}
	e := &Elector{config: c, lock: lock{leases: c.Leases, name: c.Name, identity: c.Identity, duration: c.LeaseDuration}}
	c.OnLeading(false)
	return e, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Run waits for the Lease and runs the work while it holds it. It returns when
//
//   - the context ends: at once with nil while it waits; otherwise after the work,
//     whose context has ended too, has returned and the Lease is released. How
//     long the work may take is the work's matter: until then it is renewed;
//   - the work returns by itself: the Lease is released, and its error returned;
//   - the Lease is lost: the work's context ends, and Run returns ErrLost when the
//     work has returned, or without it when the Lease has run out, for from then
//     on another process may work. The process must exit.
//
// If the work returned nil and the release failed, the error says so: a standby
// then waits for as long as the Lease runs. Run may be called once.
func (e *Elector) Run(ctx context.Context, work func(ctx context.Context) error) error {
	if !e.acquire(ctx) {
		return nil
	}
	workCtx, stopWork := context.WithCancel(ctx)
	defer stopWork()
	worked := make(chan error, 1)
	go func() { worked <- work(workCtx) }()

	workErr, lost := e.hold(ctx, worked)
	if lost == nil {
		return e.release(ctx, workErr)
	}
	stopWork()
	e.setLeading(false)
	klog.FromContext(ctx).Info("lost the lease, stopping the work", "lease", e.ref(), "reason", lost)
	select {
	case err := <-worked:
		klog.FromContext(ctx).V(2).Info("the work has ended", "lease", e.ref(), "err", err)
	case <-time.After(time.Until(e.lastRenewal().Add(e.config.LeaseDuration))):
	}
	return fmt.Errorf("%w %s/%s: %w", ErrLost, e.config.Namespace, e.config.Name, lost)
}

// Check returns an error if the Lease that this process thinks it holds has run
// out, which means that it hangs. It is nil for a standby.
func (e *Elector) Check() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if age := time.Since(e.renewed); e.leading && age > e.config.LeaseDuration {
		return fmt.Errorf("lease %s/%s was renewed %s ago and lasts %s", e.config.Namespace, e.config.Name, age.Round(time.Second), e.config.LeaseDuration)
	}
	return nil
}

// acquire returns true once the Lease is ours, or false when the context ends.
func (e *Elector) acquire(ctx context.Context) bool {
	logger := klog.FromContext(ctx).WithValues("lease", e.ref(), "identity", e.config.Identity)
	logger.Info("waiting for the lease")
	for holder, failed := "", false; ; {
		start := time.Now()
		other, err := e.try(ctx, e.config.RenewDeadline/2, e.lock.acquire)
		switch {
		case err == nil && other == "":
			e.setRenewed(start)
			e.setLeading(true)
			logger.Info("holding the lease")
			return true
		case err != nil && !failed:
			logger.Error(err, "can't get at the lease, it is tried again")
		case err == nil && other != holder:
			logger.Info("another process holds the lease", "holder", other)
			holder = other
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait.Jitter(e.config.RetryPeriod, 0.2)):
		}
	}
}

// hold renews the Lease until the work has returned, and returns its error; or
// until the Lease is lost, and returns why.
func (e *Elector) hold(ctx context.Context, worked <-chan error) (workErr, lost error) {
	for {
		deadline := e.lastRenewal().Add(e.config.RenewDeadline)
		select {
		case workErr = <-worked:
			return workErr, nil
		case <-time.After(min(e.config.RetryPeriod, time.Until(deadline))):
		}
		start := time.Now()
		other, err := e.try(ctx, min(e.config.RenewDeadline/2, time.Until(deadline)), e.lock.renew)
		switch {
		case other != "":
			return nil, fmt.Errorf("%s holds it", other)
		case err == nil:
			e.setRenewed(start)
		case !time.Now().Before(deadline):
			return nil, fmt.Errorf("not renewed for %s: %w", e.config.RenewDeadline, err)
		default:
			klog.FromContext(ctx).V(2).Info("can't renew the lease, it is tried again", "lease", e.ref(), "err", err)
		}
	}
}

// release gives the Lease back and returns the work's error, or its own.
func (e *Elector) release(ctx context.Context, workErr error) error {
	_, err := e.try(ctx, e.config.RenewDeadline/2, e.lock.release)
	e.setLeading(false)
	if err != nil {
		klog.FromContext(ctx).Error(err, "can't release the lease, it runs out by itself", "lease", e.ref(), "after", e.config.LeaseDuration)
	} else {
		klog.FromContext(ctx).Info("released the lease", "lease", e.ref())
	}
	if workErr == nil && err != nil {
		return fmt.Errorf("release lease %s/%s: %w", e.config.Namespace, e.config.Name, err)
	}
	return workErr
}

// try bounds an attempt, so that one request that hangs does not lose the Lease.
// The context's end does not break it off: a write may have been done although
// its answer was not waited for, and would leave the Lease with nobody at work.
func (e *Elector) try(ctx context.Context, bound time.Duration, attempt func(context.Context) (holder string, err error)) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	return attempt(ctx)
}

func (e *Elector) ref() klog.ObjectRef { return klog.KRef(e.config.Namespace, e.config.Name) }

func (e *Elector) setLeading(leading bool) {
	e.mu.Lock()
	e.leading = leading
	e.mu.Unlock()
	e.config.OnLeading(leading)
}

func (e *Elector) setRenewed(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.renewed = at
}

func (e *Elector) lastRenewal() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.renewed
}
