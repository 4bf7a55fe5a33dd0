package leader

import (
	"cmp"
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lock is one process's view of the Lease, and the writes that change it. The
// rules are those of tryAcquireOrRenew and release in client-go's
// tools/leaderelection. Its methods return the identity of another process that
// holds the Lease, or "".
type lock struct {
	leases         Leases
	name, identity string
	duration       time.Duration

	lease *coordinationv1.Lease // as last read or written; nil before
	seen  time.Time             // when its spec was last seen to change
}

// acquire takes the Lease if it is free: absent, released, ours or run out.
func (l *lock) acquire(ctx context.Context) (holder string, err error) {
	for range 2 { // again, to see who was faster
		if err := l.read(ctx); err != nil {
			return "", err
		}
		if l.lease != nil && l.held(time.Now()) {
			return l.holder(), nil
		}
		if err = l.write(ctx, l.claim(time.Now())); !overtaken(err) {
			return "", err
		}
	}
	return "", err
}

// renew prolongs the Lease that we hold. It is one write, based on what we last
// wrote. If that is not what is there, it looks: another holder means that
// the Lease is lost, anything else, such as a label or its deletion, does not.
func (l *lock) renew(ctx context.Context) (holder string, err error) {
	err = l.write(ctx, l.claim(time.Now()))
	if !overtaken(err) {
		return "", err
	}
	if err := l.read(ctx); err != nil {
		return "", err
	}
	if l.lease != nil && l.holder() != l.identity {
		return cmp.Or(l.holder(), "nobody"), nil
	}
	return "", l.write(ctx, l.claim(time.Now()))
}

// release lets go of the Lease, if it is still ours.
func (l *lock) release(ctx context.Context) (holder string, err error) {
	for range 2 {
		if l.lease == nil || l.holder() != l.identity {
			return "", nil
		}
		if err = l.write(ctx, l.letGo(time.Now())); !overtaken(err) {
			return "", err
		}
		if err := l.read(ctx); err != nil {
			return "", err
		}
	}
	return "", err
}

// overtaken reports whether a write failed because the Lease is not as we knew it.
func overtaken(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
}

func (l *lock) holder() string { return deref(l.lease.Spec.HolderIdentity) }

// held reports whether another process may be at work. The clocks of others are
// not trusted: the Lease has run out when it was not seen to change for as long as
// its holder says that it lasts.
func (l *lock) held(now time.Time) bool {
	holder := l.holder()
	if holder == "" || holder == l.identity {
		return false
	}
	lasts := time.Duration(deref(l.lease.Spec.LeaseDurationSeconds)) * time.Second
	return now.Before(l.seen.Add(lasts))
}

// claim returns the spec with which we hold the Lease from now on.
func (l *lock) claim(now time.Time) coordinationv1.LeaseSpec {
	claimed := coordinationv1.LeaseSpec{
		HolderIdentity:       &l.identity,
		LeaseDurationSeconds: new(int32(l.duration / time.Second)),
		AcquireTime:          &metav1.MicroTime{Time: now},
		RenewTime:            &metav1.MicroTime{Time: now},
		LeaseTransitions:     new(int32(0)),
	}
	if l.lease == nil {
		return claimed
	}
	before := l.lease.Spec
	claimed.LeaseTransitions = new(deref(before.LeaseTransitions))
	if l.holder() == l.identity {
		claimed.AcquireTime = before.AcquireTime
	} else {
		*claimed.LeaseTransitions++
	}
	return claimed
}

// letGo returns the spec of a Lease that anyone may take at once.
func (l *lock) letGo(now time.Time) coordinationv1.LeaseSpec {
	return coordinationv1.LeaseSpec{
		HolderIdentity:       new(""),
		LeaseDurationSeconds: new(int32(1)),
		AcquireTime:          &metav1.MicroTime{Time: now},
		RenewTime:            &metav1.MicroTime{Time: now},
		LeaseTransitions:     l.lease.Spec.LeaseTransitions,
	}
}

// read brings the Lease up to date: nil if there is none.
func (l *lock) read(ctx context.Context) error {
	lease, err := l.leases.Get(ctx, l.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		l.lease = nil
		return nil
	}
	if err != nil {
		return err
	}
	if l.lease == nil || !equality.Semantic.DeepEqual(l.lease.Spec, lease.Spec) {
		l.seen = time.Now()
	}
	l.lease = lease
	return nil
}

// write puts the spec into the Lease as we know it, or creates the Lease.
func (l *lock) write(ctx context.Context, spec coordinationv1.LeaseSpec) error {
	var lease *coordinationv1.Lease
	var err error
	if l.lease == nil {
		lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: l.name}, Spec: spec}
		lease, err = l.leases.Create(ctx, lease, metav1.CreateOptions{})
	} else {
		lease = l.lease.DeepCopy()
		lease.Spec = spec
		lease, err = l.leases.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if err == nil {
		l.lease, l.seen = lease, time.Now()
	}
	return err
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
