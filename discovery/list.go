package discovery

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// List asks the API server once and returns every type that may be mirrored, those
// that have to be named among them, each in one version, and the group versions of
// which the server could not say what they serve.
func List(ctx context.Context, config *rest.Config, client *http.Client) (types []Type, failed []schema.GroupVersion, err error) {
	server, err := newServer(config, client)
	if err != nil {
		return nil, nil, err
	}
	r, err := server.everything(ctx)
	if err != nil {
		return nil, nil, err
	}
	types = mirrorable(r, func(schema.GroupKind) bool { return true })
	failed = slices.SortedFunc(maps.Keys(r.failed), func(a, b schema.GroupVersion) int { return cmp.Compare(a.String(), b.String()) })
	return types, failed, nil
}
