package leader

import (
	"context"
	"strconv"
	"sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// api holds one Lease as an API server does: it counts resource versions, and
// refuses an update that is not based on the latest.
type api struct {
	mu     sync.Mutex
	lease  *coordinationv1.Lease
	writes int
	fault  func(ctx context.Context, who string) error // nil, or what befalls a request
}

// seenBy is the Lease as one process reaches it.
type seenBy struct {
	client.LeaseInterface // for what an election doesn't ask for
	*api
	who string
}

// Leases implements client.LeasesGetter.
func (s seenBy) Leases(string) client.LeaseInterface { return s }

var resource = coordinationv1.Resource("leases")

func (a *api) befall(fault func(ctx context.Context, who string) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = fault
}

// edit changes the Lease from outside.
func (a *api) edit(change func(*coordinationv1.Lease)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.lease)
	a.store(a.lease)
}

func (a *api) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lease = nil
}

func (a *api) spec() (holder string, spec coordinationv1.LeaseSpec, writes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lease == nil {
		return "", spec, a.writes
	}
	return holderOf(a.lease), *a.lease.Spec.DeepCopy(), a.writes
}

func (a *api) store(lease *coordinationv1.Lease) *coordinationv1.Lease {
	a.writes++
	a.lease = lease.DeepCopy()
	a.lease.ResourceVersion = strconv.Itoa(a.writes)
	return a.lease.DeepCopy()
}

// enter waits for nothing, or what the fault makes the request wait for: for as
// long as the client of NewLease does.
func (s seenBy) enter(ctx context.Context) error {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault == nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return fault(ctx, s.who)
}

func (s seenBy) Get(ctx context.Context, name string, _ metav1.GetOptions) (*coordinationv1.Lease, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		return nil, apierrors.NewNotFound(resource, name)
	}
	return s.lease.DeepCopy(), nil
}

func (s seenBy) Create(ctx context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease != nil {
		return nil, apierrors.NewAlreadyExists(resource, lease.Name)
	}
	return s.store(lease), nil
}

func (s seenBy) Update(ctx context.Context, lease *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lease == nil:
		return nil, apierrors.NewNotFound(resource, lease.Name)
	case s.lease.ResourceVersion != lease.ResourceVersion:
		return nil, apierrors.NewConflict(resource, lease.Name, nil)
	}
	return s.store(lease), nil
}

func holderOf(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
