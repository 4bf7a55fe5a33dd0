package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// accept asks for aggregated discovery (KEP-3352) as served since Kubernetes
// 1.30, then as in 1.27 to 1.29, which has the same fields, then for the plain
// documents.
const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList," +
	"application/json"

// errStale stands for a group version that aggregated discovery marks stale. The
// server gives no reason, the status of its APIService does.
var errStale = errors.New("the API server could not reach what serves it: see its APIService")

// server asks the API server what it serves. Reading these documents takes no
// rights but those of the ClusterRole system:discovery, which every
// authenticated user has.
type server struct{ client rest.Interface }

// newServer returns a server on the given HTTP client, which takes precedence
// over the transport settings of config. The rate limiter of config applies.
func newServer(config *rest.Config, client *http.Client) (server, error) {
	config = rest.CopyConfig(config)
	// The scheme is there for the Status of a refused request alone.
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	restClient, err := rest.UnversionedRESTClientForConfigAndClient(config, client)
	if err != nil {
		return server{}, fmt.Errorf("make the client for discovery: %w", err)
	}
	return server{restClient}, nil
}

// everything returns all that the server serves. It costs two requests, or one
// more for each group version where the server has no aggregated discovery.
func (s server) everything(ctx context.Context) (answer, error) {
	all := answer{failed: map[schema.GroupVersion]error{}}
	for _, path := range []string{"/api", "/apis"} {
		part, err := s.root(ctx, path)
		if err != nil {
			return answer{}, fmt.Errorf("read what the API server serves under %s: %w", path, err)
		}
		all.groups = append(all.groups, part.groups...)
		maps.Copy(all.failed, part.failed)
	}
	return all, nil
}

func (s server) root(ctx context.Context, path string) (answer, error) {
	body, contentType, err := s.get(ctx, path, accept)
	if err != nil {
		return answer{}, err
	}
	if isAggregated(contentType) {
		var list apidiscovery.APIGroupDiscoveryList
		if err := json.Unmarshal(body, &list); err != nil {
			return answer{}, err
		}
		return withoutStale(list.Items), nil
	}
	versions, err := plainVersions(path, body)
	if err != nil {
		return answer{}, err
	}
	return s.versions(ctx, versions)
}

// versions returns what the server serves of the given group versions, in their
// order, with one request each. One that the server does not know is left out.
// If the server answers none of the others, that is an error.
func (s server) versions(ctx context.Context, versions []schema.GroupVersion) (answer, error) {
	a := answer{failed: map[schema.GroupVersion]error{}}
	var failure error
	answered := len(versions) == 0
	for _, gv := range versions {
		version, err := s.version(ctx, gv)
		switch {
		case apierrors.IsNotFound(err):
			answered = true
		case err != nil:
			failure = fmt.Errorf("read what the API server serves of %s: %w", gv, err)
			a.failed[gv] = err
		default:
			answered = true
			a.add(gv.Group, version)
		}
	}
	if !answered {
		return answer{}, failure
	}
	return a, nil
}

func (s server) version(ctx context.Context, gv schema.GroupVersion) (apidiscovery.APIVersionDiscovery, error) {
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	version := apidiscovery.APIVersionDiscovery{Version: gv.Version}
	body, _, err := s.get(ctx, path, "application/json")
	if err != nil {
		return version, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return version, err
	}
	version.Resources = plainResources(gv, list)
	return version, nil
}

func (s server) get(ctx context.Context, path, accept string) (body []byte, contentType string, err error) {
	result := s.client.Get().AbsPath(path).SetHeader("Accept", accept).Do(ctx).ContentType(&contentType)
	body, err = result.Raw()
	if err != nil {
		// Raw knows the status code only, Error what the server said.
		return nil, "", result.Error()
	}
	return body, contentType, nil
}

func isAggregated(contentType string) bool {
	_, params, err := mime.ParseMediaType(contentType)
	return err == nil && params["as"] == "APIGroupDiscoveryList"
}

// withoutStale moves the stale versions of aggregated discovery to the failed ones.
func withoutStale(groups []apidiscovery.APIGroupDiscovery) answer {
	a := answer{groups: groups, failed: map[schema.GroupVersion]error{}}
	for i, group := range groups {
		groups[i].Versions = slices.DeleteFunc(group.Versions, func(v apidiscovery.APIVersionDiscovery) bool {
			if v.Freshness != apidiscovery.DiscoveryFreshnessStale {
				return false
			}
			a.failed[schema.GroupVersion{Group: group.Name, Version: v.Version}] = errStale
			return true
		})
	}
	return a
}

// add appends a version to its group, which it makes if need be.
func (a *answer) add(group string, version apidiscovery.APIVersionDiscovery) {
	i := slices.IndexFunc(a.groups, func(g apidiscovery.APIGroupDiscovery) bool { return g.Name == group })
	if i < 0 {
		i = len(a.groups)
		a.groups = append(a.groups, apidiscovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: group}})
	}
	a.groups[i].Versions = append(a.groups[i].Versions, version)
}
