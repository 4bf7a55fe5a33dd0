package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// serverResources is what the API server serves.
type serverResources struct {
	// lists has the resources of each group version, in the server's order, each
	// group's preferred version first. A version that failed is not among them.
	lists []*metav1.APIResourceList
	// failed are the group versions that the server knows of and could not
	// describe now: stale in aggregated discovery, or answered with an error where
	// each was asked for on its own.
	failed map[schema.GroupVersion]error
}

// server asks the API server what it serves. That takes no rights but those of the
// ClusterRole system:discovery, which every authenticated user has.
type server struct {
	client *discovery.DiscoveryClient
}

// newServer returns a server on the given HTTP client, which takes precedence
// over the transport settings of config. The rate limiter of config applies.
func newServer(config *rest.Config, client *http.Client) (server, error) {
	discoveryClient, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return server{}, fmt.Errorf("make the client for discovery: %w", err)
	}
	return server{discoveryClient}, nil
}

// everything returns all that the server serves. It costs two requests, or one
// more for each group version where the server has no aggregated discovery in its
// present form, which is before Kubernetes 1.30.
func (s server) everything(ctx context.Context) (serverResources, error) {
	groups, resources, failed, err := s.client.GroupsAndMaybeResourcesWithContext(ctx)
	if err != nil {
		return serverResources{}, s.explained(ctx, err)
	}
	versions := groupVersionsOf(groups)
	if len(versions) == 0 || versions[0].Group != "" {
		// client-go takes "not found" under /api for a server without the core group.
		return serverResources{}, errors.New("read what the API server serves under /api: there is no core group in its answer")
	}
	if resources == nil {
		return s.versions(ctx, versions)
	}
	all := serverResources{failed: failed}
	for _, gv := range versions {
		if list, ok := resources[gv]; ok {
			all.lists = append(all.lists, list)
		}
	}
	return all, nil
}

// explained returns the error of everything with the path and the server's reason.
// client-go drops what a server answers beside the status code, so it is asked for
// again.
func (s server) explained(ctx context.Context, err error) error {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		for _, path := range []string{"/api", "/apis"} {
			if again := s.client.RESTClient().Get().AbsPath(path).Do(ctx).Error(); again != nil {
				return fmt.Errorf("read what the API server serves under %s: %w", path, again)
			}
		}
	}
	return fmt.Errorf("read what the API server serves under /api and /apis: %w", err)
}

// versions returns what the server serves of the given group versions, in their
// order, with one request each. One that the server does not know is left out.
// If the server answers none of the others, that is an error.
func (s server) versions(ctx context.Context, versions []schema.GroupVersion) (serverResources, error) {
	some := serverResources{failed: map[schema.GroupVersion]error{}}
	var failure error
	answered := len(versions) == 0
	for _, gv := range versions {
		list, err := s.client.ServerResourcesForGroupVersionWithContext(ctx, gv.String())
		switch {
		case apierrors.IsNotFound(err):
			answered = true
		case err != nil:
			failure = fmt.Errorf("read what the API server serves of %s: %w", gv, err)
			some.failed[gv] = err
		default:
			answered = true
			some.lists = append(some.lists, list)
		}
	}
	if !answered {
		return serverResources{}, failure
	}
	return some, nil
}

// groupVersionsOf returns the versions of the groups in the server's order, each
// group's preferred one first.
func groupVersionsOf(groups *metav1.APIGroupList) []schema.GroupVersion {
	var versions []schema.GroupVersion
	for _, group := range groups.Groups {
		preferred := group.PreferredVersion.Version
		if preferred != "" {
			versions = append(versions, schema.GroupVersion{Group: group.Name, Version: preferred})
		}
		for _, v := range group.Versions {
			if v.Version != preferred {
				versions = append(versions, schema.GroupVersion{Group: group.Name, Version: v.Version})
			}
		}
	}
	return versions
}
