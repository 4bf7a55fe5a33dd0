package kit

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

// client reaches every type of the server by its kind.
type client struct {
	// manager is the field manager of what it writes.
	manager string
	dynamic dynamic.Interface

	mu     sync.Mutex
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// tester is who tests are to the API server, in the audit log too.
const tester = "tester"

// newClient is somebody who may do everything. Where a write names no field manager,
// the server takes the user agent's name.
func newClient(plane *controlplane.ControlPlane, user, manager string) (*client, error) {
	config, err := plane.RESTConfig(user, controlplane.Admins)
	if err != nil {
		return nil, err
	}
	config.UserAgent = manager
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make the tests' client: %w", err)
	}
	d, err := dynamic.NewForConfigAndClient(config, http)
	if err != nil {
		return nil, fmt.Errorf("make the tests' client: %w", err)
	}
	found, err := discovery.NewDiscoveryClientForConfigAndClient(config, http)
	if err != nil {
		return nil, fmt.Errorf("make the tests' discovery client: %w", err)
	}
	return &client{manager: manager, dynamic: d, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))}, nil
}

// resource is the way to objects of a kind: those of one namespace, or of the
// whole cluster where it is empty. A kind that the server doesn't have is an
// error that meta.IsNoMatchError knows, and is looked for again next time.
func (c *client) resource(kind, namespace string) (dynamic.ResourceInterface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gvk := gvk(kind)
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("find the resource of kind %s: %w", kind, err)
	}
	if namespace == "" {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}
