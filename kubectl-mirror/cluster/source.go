package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

// Explainer reads the namespaces. In, where it isn't empty, is the only one that is asked
// about: then it is enough to be allowed to read that one.
func (c *Cluster) Explainer(ctx context.Context, in string) (*explain.Explainer, error) {
	e := &explain.Explainer{Settings: &c.Controller.Settings, Reader: c}
	all, born, err := c.Namespaces(ctx)
	if err == nil {
		e.Namespaces, e.Born = all, born
		return e, nil
	}
	if in == "" {
		return nil, err
	}
	one, may, err := c.NamespaceAlone(ctx, in)
	e.Namespaces, e.OnlySome = one, true
	if may && len(one) == 0 { // there is none, which is known then
		e.OnlySome = false
	}
	return e, err
}

// Source reads what belongs to a source: the mirrors of its type, in all namespaces or
// where the user may not list those in just one.
func (c *Cluster) Source(ctx context.Context, t discovery.Type, notMirrored string, object *unstructured.Unstructured, in string) (explain.Source, error) {
	s := explain.Source{Object: object, Type: t, NotMirrored: notMirrored}
	var err error
	s.Mirrors, s.Written, err = c.Mirrors(ctx, t, "")
	if apierrors.IsForbidden(err) && in != "" {
		s.Mirrors, s.Written, err = c.Mirrors(ctx, t, in)
	}
	switch {
	case apierrors.IsForbidden(err) && in != "":
		return s, fmt.Errorf("you may not list %s in %s, which it takes to know what is there; ask who works there", t.Resource.GroupResource(), in)
	case apierrors.IsForbidden(err):
		return s, fmt.Errorf("you may not list %s in all namespaces, which it takes to know all mirrors; ask about one namespace: kubectl mirror why TYPE/NAME --in=NAMESPACE", t.Resource.GroupResource())
	case err != nil:
		return s, c.failed("list "+t.Resource.GroupResource().String(), err)
	}
	if s.Owners, err = c.Owners(ctx, t); err != nil && !apierrors.IsForbidden(err) {
		return s, c.failed("list "+t.Resource.GroupResource().String(), err)
	}
	return s, nil
}

// Get reads an object that must be there.
func (c *Cluster) Get(ctx context.Context, t discovery.Type, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.Object(ctx, t, namespace, name)
	if err == nil && u == nil {
		err = fmt.Errorf("there is no %s %s/%s", t.Resource.GroupResource(), namespace, name)
	}
	return u, err
}
