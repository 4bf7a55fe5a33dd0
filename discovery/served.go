package discovery

import (
	"context"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Served asks the API server once which namespaced types it serves, mirrored or not,
// and returns those for whose verbs keep is true: each in the first version, in the
// server's order of preference, that has it so. Failed has the group versions that
// the server knows of and could not describe now, with the reason.
func Served(ctx context.Context, config *rest.Config, client *http.Client, keep func(verbs metav1.Verbs) bool) (types []Type, failed map[schema.GroupVersion]error, err error) {
	server, err := newServer(config, client)
	if err != nil {
		return nil, nil, err
	}
	all, err := server.everything(ctx)
	if err != nil {
		return nil, nil, err
	}
	seen := map[schema.GroupResource]bool{}
	for gv, resource := range all.all() {
		t := typeOf(gv, resource)
		if resource.Namespaced && !seen[t.Resource.GroupResource()] && keep(resource.Verbs) {
			seen[t.Resource.GroupResource()] = true
			types = append(types, t)
		}
	}
	return types, all.failed, nil
}
