package cleanup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// accept asks for aggregated discovery: as it is since Kubernetes 1.30, then as in
// 1.27 to 1.29, which has the same fields.
const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

// servedType is a type whose objects may have traces of ours.
type servedType struct {
	resource schema.GroupVersionResource
	kind     schema.GroupKind
	name     string // as in --resource-types
}

// served is what the API server serves: the types that may hold traces, each in
// one version, and the groups of which it could not say.
type served struct {
	types []servedType
	stale []schema.GroupVersion
}

// read asks the API server what it serves, with two requests.
func read(ctx context.Context, config *rest.Config, http *http.Client) (served, error) {
	config = rest.CopyConfig(config)
	// The scheme is there for the Status of a refused request alone.
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.UnversionedRESTClientForConfigAndClient(config, http)
	if err != nil {
		return served{}, fmt.Errorf("make the client for discovery: %w", err)
	}
	var s served
	for _, path := range []string{"/api", "/apis"} {
		body, err := client.Get().AbsPath(path).SetHeader("Accept", accept).Do(ctx).Raw()
		if err != nil {
			return served{}, fmt.Errorf("read what the API server serves under %s: %w", path, err)
		}
		var list apidiscovery.APIGroupDiscoveryList
		if err := json.Unmarshal(body, &list); err != nil {
			return served{}, fmt.Errorf("read what the API server serves under %s: %w", path, err)
		}
		for _, group := range list.Items {
			s.add(group)
		}
	}
	return s, nil
}

// add takes the types of a group, each in the first version in the server's order
// that has it.
func (s *served) add(group apidiscovery.APIGroupDiscovery) {
	seen := map[string]bool{}
	for _, version := range group.Versions {
		gv := schema.GroupVersion{Group: group.Name, Version: version.Version}
		if version.Freshness == apidiscovery.DiscoveryFreshnessStale {
			s.stale = append(s.stale, gv)
			continue
		}
		for _, r := range version.Resources {
			if seen[r.Resource] || !mayHoldTraces(r) {
				continue
			}
			seen[r.Resource] = true
			name := r.ResponseKind.Kind + "." + gv.Version
			if gv.Group != "" {
				name += "." + gv.Group
			}
			s.types = append(s.types, servedType{
				resource: gv.WithResource(r.Resource),
				kind:     schema.GroupKind{Group: gv.Group, Kind: r.ResponseKind.Kind},
				name:     name,
			})
		}
	}
}

// mayHoldTraces asks for less than mirroring does: the type of a definition that is
// being deleted can be created and patched no more, as far as discovery says, and
// its objects wait for their finalizers. What can be listed and nothing else, such
// as a measurement, has no finalizers.
func mayHoldTraces(r apidiscovery.APIResourceDiscovery) bool {
	return r.Scope == apidiscovery.ScopeNamespace && r.ResponseKind != nil && slices.Contains(r.Verbs, "list") &&
		(slices.Contains(r.Verbs, "patch") || slices.Contains(r.Verbs, "delete"))
}

// problem is something to say of a type or a group before the work.
type problem struct {
	subject, text string
	fails         bool
}

// choose returns the types to clean up, all or the named ones, and what there is to
// say of others.
func (s served) choose(named []schema.GroupKind) ([]servedType, []problem) {
	chosen := s.types
	var problems []problem
	wanted := func(string) bool { return true }
	if len(named) > 0 {
		chosen = slices.DeleteFunc(slices.Clone(s.types), func(t servedType) bool { return !slices.Contains(named, t.kind) })
		wanted = func(group string) bool {
			return slices.ContainsFunc(named, func(k schema.GroupKind) bool { return k.Group == group })
		}
	}
	unknown := map[string]bool{}
	for _, gv := range s.stale {
		if wanted(gv.Group) {
			unknown[gv.Group] = true
			problems = append(problems, problem{gv.String(), "failed: the API server can't reach what serves it; see the status of its APIService", true})
		}
	}
	for _, kind := range named {
		if !unknown[kind.Group] && !slices.ContainsFunc(chosen, func(t servedType) bool { return t.kind == kind }) {
			problems = append(problems, problem{kind.String(), "the API server does not serve it, so there is none of it", false})
		}
	}
	return chosen, problems
}
