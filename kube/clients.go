package kube

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// Clients are the ways to the API server. They share one HTTP client and one rate
// limit; watches are not limited, and neither is the lease.
type Clients struct {
	// REST and HTTP are for clients that other rooms make for themselves.
	REST     *rest.Config
	HTTP     *http.Client
	Metadata metadata.Interface
	// Namespace is the one that the process runs in, as far as the config tells.
	Namespace string

	dynamic dynamic.Interface
	// server is for requests that the others have no form for.
	server rest.Interface
	// over is what Bound was given.
	over atomic.Pointer[func() bool]
}

// Connect reads the configuration of the cluster and makes the clients. It sends
// nothing yet. An error is one of usage.
func Connect(c Config) (*Clients, error) {
	config, namespace, err := c.rest()
	if err != nil {
		return nil, err
	}
	clients, err := newClients(config)
	if err != nil {
		return nil, fmt.Errorf("invalid value %q for --kubeconfig: can't use what it says of the API server: %w", c.Kubeconfig, err)
	}
	clients.Namespace = namespace
	return clients, nil
}

func newClients(config *rest.Config) (*Clients, error) {
	c := &Clients{REST: config}
	plainly, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	c.HTTP = boundedClient(plainly, &c.over)
	whole, err := rest.UnversionedRESTClientForConfigAndClient(dynamic.ConfigFor(config), c.HTTP)
	if err != nil {
		return nil, err
	}
	c.dynamic = dynamic.New(impatient{whole})
	if c.Metadata, err = metadata.NewForConfigAndClient(config, c.HTTP); err != nil {
		return nil, err
	}
	plain := metadata.ConfigFor(config)
	plain.GroupVersion = &schema.GroupVersion{}
	c.server, err = rest.UnversionedRESTClientForConfigAndClient(plain, c.HTTP)
	return c, err
}

// impatient asks again twice, each second, where the server says that it isn't ready
// yet; client-go would ten times. It says so for a moment of a type that nobody has
// asked for before, and for good of one whose objects it can't read. What comes after
// that is the informer's, which tells, and tries again with backoff.
type impatient struct{ rest.Interface }

// Get implements rest.Interface.
func (i impatient) Get() *rest.Request { return i.Interface.Get().MaxRetries(2) }

// serverTimeout is how long to wait at start for an API server that answers.
const serverTimeout = 30 * time.Second

// AwaitServer waits until the API server answers, for as long as serverTimeout.
func (c *Clients) AwaitServer(ctx context.Context) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, serverTimeout, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := c.server.Get().AbsPath("/version").Do(attempt).Error()
		// One that our own time-out cut off says nothing of the server.
		if deadline, _ := ctx.Deadline(); last == nil || time.Now().Before(deadline) {
			last = err
		}
		return err == nil, nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("no API server within %s: %w", serverTimeout, last)
	}
	return err
}
