package cluster

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// origin reads what a stand-in or a request is made of, with the user's rights: nil for any
// other source.
func (c *Cluster) origin(ctx context.Context, t discovery.Type, object *unstructured.Unstructured) (origin *explain.Origin, notMirrored string, err error) {
	src := c.Controller.Settings.NewSource(t.Resource.GroupResource(), object)
	if src.Of == nil {
		return nil, "", nil
	}
	of, notMirrored := typeOfResource(c, src.Of.Type)
	if of == (discovery.Type{}) {
		return &explain.Origin{Unknown: notMirrored}, notMirrored, nil
	}
	named, err := c.Object(ctx, of, src.Of.Namespace, src.Of.Name)
	switch {
	case errors.Is(err, ErrForbidden):
		return &explain.Origin{Unknown: err.Error() + "; its status says what the controller knows"}, notMirrored, nil
	case err != nil:
		return nil, "", err
	case src.StandsFor():
		return &explain.Origin{Object: named}, notMirrored, nil
	}
	by, err := c.grantor(ctx, of, named, src)
	if errors.Is(err, ErrForbidden) {
		return &explain.Origin{Unknown: err.Error() + "; its status says what the controller knows"}, notMirrored, nil
	}
	return &explain.Origin{By: by}, notMirrored, err
}

// configMaps is what stand-ins and requests are.
var configMaps = discovery.Type{Resource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, Kind: "ConfigMap"}

// SourceIn is one of SourcesOf.
func (c *Cluster) SourceIn(t discovery.Type, u *unstructured.Unstructured) *mirror.Source {
	if u.GetAPIVersion() == "v1" && u.GetKind() == configMaps.Kind {
		t = configMaps
	}
	return c.Controller.Settings.NewSource(t.Resource.GroupResource(), u)
}

// SourcesOf reads the sources whose mirrors may be of a type: those of it, and the stand-ins
// and requests for such.
func (c *Cluster) SourcesOf(ctx context.Context, t discovery.Type) ([]*unstructured.Unstructured, error) {
	sources, err := c.Sources(ctx, t, "", "")
	if err != nil || t.Resource == configMaps.Resource {
		return sources, err
	}
	others, err := c.Sources(ctx, configMaps, "", "")
	if errors.Is(err, ErrForbidden) {
		return sources, nil // who may read Secrets need not read all ConfigMaps
	}
	for _, u := range others {
		if of := c.SourceIn(configMaps, u).Of; of != nil && of.Type == t.Resource.GroupResource() {
			sources = append(sources, u)
		}
	}
	return sources, err
}

// typeOfResource is TypeOf; it is empty where there is no such type, which is a reason not to
// mirror it like another.
func typeOfResource(c *Cluster, resource schema.GroupResource) (t discovery.Type, notMirrored string) {
	t, notMirrored, err := c.TypeOf(resource.String())
	if err != nil {
		return discovery.Type{}, err.Error()
	}
	return t, notMirrored
}

// grantor is the source that hands itself out to a request, as the controller finds it: the
// one that has the name, or the first by name that stands for it.
func (c *Cluster) grantor(ctx context.Context, of discovery.Type, named *unstructured.Unstructured, request *mirror.Source) (*mirror.Source, error) {
	if named != nil {
		if src := c.Controller.Settings.NewSource(of.Resource.GroupResource(), named); src.Of == nil && src.Mirrors.Resource == src.Type && src.Grants(request.Namespace) == mirror.ConsentGiven {
			return src, nil
		}
	}
	all, err := c.Sources(ctx, configMaps, request.Of.Namespace, "")
	if err != nil {
		return nil, err
	}
	var best *mirror.Source
	for _, u := range all {
		src := c.Controller.Settings.NewSource(configMaps.Resource.GroupResource(), u)
		if src.Of == nil || *src.Of != *request.Of {
			continue
		}
		src = c.Controller.Settings.Standing(src, named)
		if src.Mirrors.Resource != request.Of.Type || src.Grants(request.Namespace) != mirror.ConsentGiven {
			continue
		}
		if best == nil || mirror.CompareSources(src.SourceKey(), best.SourceKey()) < 0 {
			best = src
		}
	}
	return best, nil
}
