package leader

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
)

// requestTimeout bounds a request, so that one that hangs does not lose the Lease.
const requestTimeout = renewDeadline / 2

// NewLease returns the Lease of that namespace and name for a process. The identity
// tells it from all others that stand for the Lease, now or later: a restarted
// process needs another one. The Lease has a client of its own, without a rate
// limit: a renewal never queues behind the writes of mirrors.
func NewLease(config *rest.Config, namespace, name, identity string) (*resourcelock.LeaseLock, error) {
	config = rest.CopyConfig(config)
	config.RateLimiter, config.QPS = nil, -1
	config.Timeout = requestTimeout
	client, err := coordinationv1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make the client for the lease %s/%s: %w", namespace, name, err)
	}
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}, nil
}

// lock is the Lease as the elector reads and writes it. It knows what the elector
// doesn't tell: why the Lease was lost. The elector's goroutine alone uses it, and
// Run once that has ended.
type lock struct {
	*resourcelock.LeaseLock
	term   *Term
	giveUp context.CancelFunc // ends the election

	claimed bool      // whether a write was sent that may have made the Lease ours
	renewed time.Time // when the last one that succeeded was sent
	err     error     // of the last request
	taken   error     // names who has the Lease that we held
}

// Get implements resourcelock.Interface.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.LeaseLock.Get(ctx)
	l.err = err
	if err == nil && record.HolderIdentity != l.Identity() {
		l.claimed = false
		if !l.renewed.IsZero() {
			l.taken = fmt.Errorf("%s holds it", cmp.Or(record.HolderIdentity, "nobody"))
			l.giveUp()
		}
	}
	return record, raw, err
}

// Create implements resourcelock.Interface.
func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.wrote(record, l.LeaseLock.Create(ctx, record))
}

// Update implements resourcelock.Interface. The holder renews each time that the elector
// looks, which is as often as a standby is to look; most of these times the Lease has been
// renewed not long ago, and that is as good.
func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if l.err == nil && !l.renewed.IsZero() && time.Since(l.renewed) < renewPeriod {
		return nil
	}
	return l.wrote(record, l.LeaseLock.Update(ctx, record))
}

func (l *lock) wrote(record resourcelock.LeaderElectionRecord, err error) error {
	l.claimed = true // even if it failed: it may have been done, and only its answer lost
	l.err = err
	if err == nil {
		l.renewed = record.RenewTime.Time
		l.term.extend(l.renewed.Add(leaseDuration))
	}
	return err
}

// lost returns why the Lease is no longer ours.
func (l *lock) lost() error {
	if l.taken != nil {
		return l.taken
	}
	return fmt.Errorf("not renewed for %s: %w", time.Since(l.renewed).Round(time.Second), l.err)
}

// release lets go of the Lease, if it is ours, so that anyone may take it at once.
func (l *lock) release(ctx context.Context) error {
	if !l.claimed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		record, _, err := l.LeaseLock.Get(ctx)
		if apierrors.IsNotFound(err) || err == nil && record.HolderIdentity != l.Identity() {
			return nil
		}
		if err != nil {
			return err
		}
		now := metav1.Now()
		err = l.LeaseLock.Update(ctx, resourcelock.LeaderElectionRecord{
			LeaseDurationSeconds: 1, AcquireTime: now, RenewTime: now, LeaderTransitions: record.LeaderTransitions,
		})
		if err == nil {
			klog.FromContext(ctx).Info("Released the lease", "lock", l.Describe())
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("release lease %s, which now runs out by itself: %w", l.Describe(), err)
	}
	return nil
}
