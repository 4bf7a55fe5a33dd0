package discovery

import (
	"encoding/json"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The plain documents: what a server without aggregated discovery serves under
// /api and /apis, and what every server serves under a group version.

// plainVersions reads the group versions, the preferred one of each group first,
// from the documents of a server without aggregated discovery.
func plainVersions(path string, body []byte) ([]schema.GroupVersion, error) {
	var versions []schema.GroupVersion
	if path == "/api" {
		var core metav1.APIVersions
		if err := json.Unmarshal(body, &core); err != nil {
			return nil, err
		}
		for _, v := range core.Versions {
			versions = append(versions, schema.GroupVersion{Version: v})
		}
		return versions, nil
	}
	var list metav1.APIGroupList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	for _, group := range list.Groups {
		preferred := schema.GroupVersion{Group: group.Name, Version: group.PreferredVersion.Version}
		versions = append(versions, preferred)
		for _, v := range group.Versions {
			if gv := (schema.GroupVersion{Group: group.Name, Version: v.Version}); gv != preferred {
				versions = append(versions, gv)
			}
		}
	}
	return versions, nil
}

// plainResources brings the resources of one group version into the form of
// aggregated discovery, less the subresources.
func plainResources(gv schema.GroupVersion, list metav1.APIResourceList) []apidiscovery.APIResourceDiscovery {
	var resources []apidiscovery.APIResourceDiscovery
	for _, r := range list.APIResources {
		if strings.Contains(r.Name, "/") {
			continue
		}
		scope := apidiscovery.ScopeCluster
		if r.Namespaced {
			scope = apidiscovery.ScopeNamespace
		}
		resources = append(resources, apidiscovery.APIResourceDiscovery{
			Resource:     r.Name,
			ResponseKind: &metav1.GroupVersionKind{Group: gv.Group, Version: gv.Version, Kind: r.Kind},
			Scope:        scope,
			Verbs:        r.Verbs,
		})
	}
	return resources
}
