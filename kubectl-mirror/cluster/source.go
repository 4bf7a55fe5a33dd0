package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
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
	origin, originNotMirrored, err := c.origin(ctx, t, object)
	if err != nil {
		return s, err
	}
	other, notMirrored := c.mirrorType(t, object, origin)
	s.Origin, s.NotMirrored = origin, cmp.Or(s.NotMirrored, originNotMirrored, notMirrored)
	m := newMirrors()
	for _, t := range distinct(t, other) {
		err := c.readMirrors(ctx, m, t, "")
		if apierrors.IsForbidden(err) && in != "" {
			err = c.readMirrors(ctx, m, t, in)
		}
		switch {
		case apierrors.IsForbidden(err) && in != "":
			return s, fmt.Errorf("you may not list %s in %s, which it takes to know what is there; ask who works there", t.Resource.GroupResource(), in)
		case apierrors.IsForbidden(err):
			return s, fmt.Errorf("you may not list %s in all namespaces, which it takes to know all mirrors; ask about one namespace: kubectl mirror why TYPE/NAME --in=NAMESPACE", t.Resource.GroupResource())
		case err != nil:
			return s, c.failed("list "+t.Resource.GroupResource().String(), err)
		}
		if err := c.readOwners(ctx, m, t); err != nil && !apierrors.IsForbidden(err) {
			return s, c.failed("list "+t.Resource.GroupResource().String(), err)
		}
	}
	s.Mirrors, s.Written, s.Owners = m.records, m.written, m.owners
	return s, nil
}

// mirrorType is what a source's mirrors are, and why that isn't mirrored, if it is another
// type than the source's.
func (c *Cluster) mirrorType(t discovery.Type, object *unstructured.Unstructured, origin *explain.Origin) (mirrors discovery.Type, notMirrored string) {
	source := origin.Put(&c.Controller.Settings, c.Controller.Settings.NewSource(t.Resource.GroupResource(), object))
	if source.Mirrors.Resource == source.Type {
		return t, ""
	}
	if mirrors, notMirrored = typeOfResource(c, source.Mirrors.Resource); mirrors == (discovery.Type{}) {
		mirrors = t
	}
	return mirrors, notMirrored
}

// distinct is one type or two.
func distinct(a, b discovery.Type) []discovery.Type { return slices.Compact([]discovery.Type{a, b}) }

// mirrors is what carries the mirror label of some types, when each was written last, and the
// names of the sources of those types, by UID both.
type mirrors struct {
	records []*mirror.Record
	written map[types.UID]time.Time
	owners  map[types.UID]mirror.SourceKey
}

func newMirrors() *mirrors {
	return &mirrors{written: map[types.UID]time.Time{}, owners: map[types.UID]mirror.SourceKey{}}
}

// readMirrors reads the mirrors of a type, in one namespace or in all.
func (c *Cluster) readMirrors(ctx context.Context, m *mirrors, t discovery.Type, namespace string) error {
	return c.each(ctx, t.Resource, namespace, mirror.MirrorSelector, func(o *metav1.PartialObjectMetadata) {
		r := mirror.NewRecord(t.Resource.GroupResource(), o)
		if r.Standing != mirror.Foreign {
			m.records = append(m.records, r)
		}
		m.written[r.UID], _ = time.Parse(time.RFC3339, o.Annotations[api.AnnotationLastSyncTime])
	})
}

// readOwners reads the names of the sources of a type.
func (c *Cluster) readOwners(ctx context.Context, m *mirrors, t discovery.Type) error {
	owners, err := c.Owners(ctx, t)
	maps.Copy(m.owners, owners)
	return err
}

// Get reads an object that must be there.
func (c *Cluster) Get(ctx context.Context, t discovery.Type, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.Object(ctx, t, namespace, name)
	if err == nil && u == nil {
		err = fmt.Errorf("there is no %s %s/%s", t.Resource.GroupResource(), namespace, name)
	}
	return u, err
}
