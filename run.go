package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/controller"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/informers"
	"github.com/lukaszraczylo/kubemirror/kube"
	"github.com/lukaszraczylo/kubemirror/leader"
	"github.com/lukaszraczylo/kubemirror/metrics"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/queue"
)

// drainTimeout is how long work that has begun may take after the process was
// asked to stop. Kubernetes grants 30 s in all, and the lease is yet to be
// released.
const drainTimeout = 20 * time.Second

// run serves probes and metrics, and does the work while it holds the lease. It
// returns nil when the context ended and everything is in order.
func run(ctx context.Context, o *options, clients *kube.Clients) error {
	m := metrics.New(version(), commit())
	m.HookClients()
	m.Expect(metrics.Words{Results: controller.Results, Errors: controller.Errors, Operations: controller.Operations})
	if o.leaderElect {
		m.Leading(o.leaseName, false) // one that never gets as far as the lease is no leader either
	}
	health := &health{standby: o.leaderElect}
	election := leaderelection.NewLeaderHealthzAdaptor(0) // no time beyond the lease's own
	secure, err := secured(o, clients)
	if err != nil {
		return err
	}
	server, err := m.Listen(ctx, metrics.Endpoints{
		MetricsAddress: o.metricsAddress, ProbeAddress: o.probesAddress, Secure: secure,
		Live: []metrics.Check{
			{Name: "watches", Do: health.live},
			{Name: election.Name(), Do: func() error { return election.Check(nil) }},
		},
		Ready: []metrics.Check{{Name: "caches", Do: health.ready}},
	})
	if err != nil {
		return err
	}
	// Probes are answered until the work has ended, and after it.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- server.Run(serving) }()
	defer func() {
		stopServing()
		if err := <-served; err != nil {
			klog.FromContext(ctx).Error(err, "Metrics and probes were not served to the end")
		}
	}()
	if err := clients.AwaitServer(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	work := func(ctx context.Context) error { return work(ctx, o, clients, m, health) }
	if !o.leaderElect {
		return work(ctx)
	}
	lease, err := leader.NewLease(clients.REST, cmp.Or(o.leaseNamespace, clients.Namespace), o.leaseName, identity())
	if err != nil {
		return err
	}
	onLeading := func(leading bool) { m.Leading(o.leaseName, leading) }
	term := &leader.Term{}
	clients.Bound(term.Over)
	return leader.Run(ctx, leader.Config{Lease: lease, Health: election, Term: term, OnLeading: onLeading}, work)
}

// secured is what --metrics-secure takes; nil where it is not set.
func secured(o *options, clients *kube.Clients) (*metrics.Secure, error) {
	if o.certificate == nil {
		return nil, nil
	}
	strangers, err := clients.Reviews()
	if err != nil {
		return nil, err
	}
	known, err := clients.Reviews()
	return &metrics.Secure{Certificate: o.certificate, Review: metrics.Review{Strangers: strangers, Known: known}}, err
}

// identity is this process's name, in the lease and in events.
var identity = sync.OnceValue(func() string {
	host, err := os.Hostname()
	if err != nil {
		host = "kubemirror"
	}
	return host + "_" + rand.Text()
})

// work mirrors until the context is done: it starts the namespaces, then the types
// as discovery finds them, then the workers, and stops them the other way round.
func work(ctx context.Context, o *options, clients *kube.Clients, m *metrics.Metrics, health *health) error {
	if o.Settings.Authors != nil {
		issuer, err := clients.Issuer(ctx, o.authors.role)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		o.Settings.Authors.Issuer = issuer
	}
	sources, mirrors, consents := queues(o.workers, m)
	watches := clients.Watches()
	var set *informers.Set
	mirroring := controller.New(controller.Config{
		Settings: o.Settings, Objects: clients.Writer(), Metadata: clients.Metadata, Access: clients.Access(),
		Sources: sources, Mirrors: mirrors, Consents: consents, Metrics: m,
		WatchObject: watches.Object, WatchOrigin: watches.Origin, Use: func(resource schema.GroupResource) { set.Use(resource) }, Identity: identity(),
	})
	namespaces := informers.New("namespaces", watches.Namespaces(), mirror.IngestNamespace, mirroring.Namespaces(), func(err error) {
		if err != nil {
			klog.FromContext(ctx).Error(err, "Can't watch namespaces; nothing can be mirrored without them. Check that the controller may list and watch them")
		}
		m.WatchFailing("namespaces", err != nil)
	})
	m.WatchFailing("namespaces", false) // so far
	set = informers.NewSet(informers.Config{
		Sources:  informers.Role{Name: "sources", Selection: watches.Sources(), Transform: o.Settings.IngestSource},
		Mirrors:  informers.Role{Name: "mirrors", Selection: watches.Mirrors(), Transform: mirror.IngestMirror},
		Any:      watches.Any,
		Consumer: consumer{mirroring}, Observer: m,
	})
	watcher, err := discovery.New(discovery.Config{
		REST: clients.REST, HTTP: clients.HTTP, Metadata: clients.Metadata,
		Named: o.ResourceTypes, Interval: o.discoveryInterval, Metrics: m,
	})
	if err != nil {
		return err
	}
	if len(o.ResourceTypes) > 0 {
		klog.FromContext(ctx).Info("Only the types of --resource-types are looked at. A source of another type that was mirrored before keeps its finalizer, and can't be deleted, " +
			"until \"kubemirror cleanup --resource-types=Kind.version\" has run for it")
	}
	health.working(namespaces, set)
	m.Observe(metrics.Observed{Unsynced: mirroring.Unsynced, Contested: mirroring.Contested, Census: mirroring.Census, Quiet: health.quiet})

	finish, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, cut) })()

	var wg sync.WaitGroup
	wg.Go(func() { giveBack(ctx) })
	wg.Go(func() { namespaces.Run(ctx) })
	wg.Go(func() {
		select {
		case <-namespaces.Synced():
		case <-ctx.Done():
			return
		}
		mirroring.Namespaces().Started()
		watcher.Run(ctx, func(ctx context.Context, types []discovery.Type) {
			mirroring.Serve(kinds(types))
			set.Sync(ctx, resources(types))
			health.discovered()
		})
		set.Stop()
	})
	wg.Go(func() { sources.Run(ctx, finish, o.workers, mirroring.SyncSource) })
	wg.Go(func() { mirrors.Run(ctx, finish, o.workers, mirroring.SyncMirror) })
	wg.Go(func() { consents.Run(ctx, finish, 1, mirroring.SyncConsent) })
	wg.Wait()
	return nil
}

// queues are those of sources, mirrors and namespaces' consents. The namespaces of sources
// are the tenants: what one of them has to do holds no other up.
func queues(workers int, m *metrics.Metrics) (*queue.Queue[mirror.SourceKey], *queue.Queue[mirror.MirrorKey], *queue.Queue[string]) {
	share := queue.TenantShare(workers)
	sources := queue.New("source", queue.Turns[mirror.SourceKey, struct{}]{
		Tenant: func(key mirror.SourceKey) string { return key.Namespace },
		Group:  func(mirror.SourceKey) struct{} { return struct{}{} }, TenantShare: share,
	}, m.Queues())
	mirrors := queue.New("mirror", queue.Turns[mirror.MirrorKey, mirror.SourceKey]{
		Tenant: func(key mirror.MirrorKey) string { return key.Source.Namespace }, TenantShare: share,
		Group: func(key mirror.MirrorKey) mirror.SourceKey { return key.Source }, GroupShare: queue.GroupShare(workers),
	}, m.Queues())
	consents := queue.New("consent", queue.Turns[string, struct{}]{
		Tenant: func(namespace string) string { return namespace },
		Group:  func(string) struct{} { return struct{}{} },
	}, m.Queues())
	return sources, mirrors, consents
}

func resources(types []discovery.Type) []schema.GroupVersionResource {
	list := make([]schema.GroupVersionResource, len(types))
	for i, t := range types {
		list[i] = t.Resource
	}
	return list
}

func kinds(types []discovery.Type) map[schema.GroupVersionResource]string {
	kinds := make(map[schema.GroupVersionResource]string, len(types))
	for _, t := range types {
		kinds[t.Resource] = t.Kind
	}
	return kinds
}

// consumer hands what the informers see to the controller.
type consumer struct{ *controller.Controller }

func (c consumer) Sources(resource schema.GroupVersionResource) informers.Handler {
	return c.SourcesOf(resource)
}

func (c consumer) Mirrors(resource schema.GroupVersionResource) informers.Handler {
	return c.MirrorsOf(resource)
}
