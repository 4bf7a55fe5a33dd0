package queue

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"
	"unique"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// A key that fails waits half a second, then twice as long each time, up to
// five minutes. client-go's default starts at 5 ms, which makes a hot loop of
// whatever can't succeed for the first dozen tries, and shares one token bucket
// among all keys.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 5 * time.Minute
)

// Turns says whose turn it is, in two levels: tenants are served in turn, and so are the
// groups of a tenant. Neither holds up another of its kind by more than a key, however
// many keys it has.
type Turns[K, G comparable] struct {
	Tenant func(K) string
	Group  func(K) G
	// TenantShare and GroupShare are the most keys of a tenant, and of a group, that are
	// worked on at a time; 0 for any number.
	TenantShare, GroupShare int
}

// GroupShare is how many of so many workers a group should be able to keep busy. What it
// would win by more is little, since a few writes at a time keep an API server busy;
// what others would lose is much, since a server that has more at hand takes as much
// longer over each.
func GroupShare(workers int) int { return max(2, workers/5) }

// TenantShare is how many of so many workers a tenant should be able to keep busy, so that
// there is always one for another: a key may take its worker seconds.
func TenantShare(workers int) int { return max(1, workers-1) }

// chargedShare is the share of what is charged to a tenant.
const chargedShare = 1

// Queue is a rate-limited queue of keys K.
type Queue[K comparable] struct {
	// Keys are in there as handles: client-go keeps them in maps, which never shrink
	// again, and after a burst a key would weigh its own size several times over.
	work  workqueue.TypedRateLimitingInterface[unique.Handle[K]]
	turns turns[unique.Handle[K]]
}

// turns is what the queue tells of its keys beside what client-go does; fair has it.
type turns[K comparable] interface {
	charge(key K, tenant string)
	settle(key K) (moved bool)
	keepCharged(key K)
	done(key K, again bool)
}

// New makes a queue. The name stands in its metrics, which are taken from
// metrics (nil for none).
func New[K, G comparable](name string, turns Turns[K, G], metrics workqueue.MetricsProvider) *Queue[K] {
	if metrics == nil {
		name = "" // client-go takes a named queue to the global provider
	}
	fair := newFair(Turns[unique.Handle[K], G]{
		Tenant:      func(handle unique.Handle[K]) string { return turns.Tenant(handle.Value()) },
		Group:       func(handle unique.Handle[K]) G { return turns.Group(handle.Value()) },
		TenantShare: turns.TenantShare, GroupShare: turns.GroupShare,
	})
	base := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[unique.Handle[K]]{
		Name: name, MetricsProvider: metrics, Queue: fair,
	})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[unique.Handle[K]]{
		Name: name, MetricsProvider: metrics, Queue: base,
	})
	work := workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[unique.Handle[K]](firstRetry, lastRetry),
		workqueue.TypedRateLimitingQueueConfig[unique.Handle[K]]{Name: name, MetricsProvider: metrics, DelayingQueue: delaying},
	)
	return &Queue[K]{work: work, turns: fair}
}

// Add puts a key in the queue, unless it waits there already. A key that is
// being worked on is served again afterwards.
func (q *Queue[K]) Add(key K) {
	handle := unique.Make(key)
	if q.turns.settle(handle) {
		q.work.Add(nobody[K]())
		return
	}
	q.work.Add(handle)
}

// nobody is no key: it only wakes a worker.
func nobody[K comparable]() (none unique.Handle[K]) { return none }

// AddCharged is Add for a key that is somebody else's doing than its tenant's: it waits on
// that one's account, apart from what is the one's own, until it has been worked on without
// an error or is added in the ordinary way. One key that is charged to a tenant is worked
// on at a time. Where it waits already, it stays.
func (q *Queue[K]) AddCharged(key K, tenant string) {
	handle := unique.Make(key)
	q.turns.charge(handle, tenant)
	q.work.Add(handle)
}

// AddAfter adds the key once the delay has passed. One that is charged to somebody and
// being worked on remains so.
func (q *Queue[K]) AddAfter(key K, delay time.Duration) {
	handle := unique.Make(key)
	q.turns.keepCharged(handle)
	q.work.AddAfter(handle, delay)
}

// Run serves keys with so many workers until the context is done. It then
// returns when those that were being worked on are finished; handle's context
// ends only with finish, so that a write which has begun is not cut off.
//
// A key whose handle returns nil is forgotten; an error makes it come back by
// exponential backoff. Errors are not logged here: who returns one knows what of
// it may be said.
func (q *Queue[K]) Run(ctx, finish context.Context, workers int, handle func(context.Context, K) error) {
	var wg sync.WaitGroup
	wg.Go(func() {
		<-ctx.Done()
		q.work.ShutDown()
	})
	for range workers {
		wg.Go(func() {
			for q.next(ctx, finish, handle) {
			}
		})
	}
	wg.Wait()
}

func (q *Queue[K]) next(ctx, finish context.Context, handle func(context.Context, K) error) bool {
	key, down := q.work.Get()
	if down {
		return false
	}
	again := false
	defer func() { q.done(key, again) }()
	if ctx.Err() != nil || key == nobody[K]() {
		return true // drop what waits; see the package comment
	}
	if again = guarded(finish, key.Value(), handle) != nil; again {
		q.work.AddRateLimited(key)
	} else {
		q.work.Forget(key)
	}
	return true
}

func (q *Queue[K]) done(key unique.Handle[K], again bool) {
	q.turns.done(key, again)
	q.work.Done(key)
}

// guarded turns a panic over one key into an error of that key, so that one bad
// object doesn't take the others down (I7). The panic's value is not logged: it
// could hold content (I8); the stack is.
func guarded[K comparable](ctx context.Context, key K, handle func(context.Context, K) error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("panic")
			klog.FromContext(ctx).Error(nil, "A worker panicked; the key is tried again later. Please report this", "key", key, "stack", string(debug.Stack()))
		}
	}()
	return handle(ctx, key)
}
