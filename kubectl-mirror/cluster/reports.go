package cluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Selection is the sources that are asked about.
type Selection struct {
	// Types are the only types; empty means all that are mirrored.
	Types []discovery.Type
	// Namespace is the only namespace of sources, and Name the only name; empty means all.
	Namespace, Name string
}

// Reports explains all sources of a selection, sorted by namespace, type and name. Of types
// that the user may not list, or whose mirrors he may not list in all namespaces, nothing is
// explained; they are returned too.
func (c *Cluster) Reports(ctx context.Context, which Selection) (reports []explain.Report, denied []discovery.Type, err error) {
	e, err := c.Explainer(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	types := which.Types
	if len(types) == 0 {
		types = c.Types()
	}
	var mu sync.Mutex
	c.inParallel(types, func(t discovery.Type) {
		of, failure := c.reportsOf(ctx, e, t, which)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(failure, ErrForbidden), apierrors.IsForbidden(failure):
			denied = append(denied, t)
		case failure != nil && err == nil:
			err = failure
		}
		reports = append(reports, of...)
	})
	slices.SortFunc(reports, func(a, b explain.Report) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Name, b.Name))
	})
	return reports, denied, err
}

func (c *Cluster) reportsOf(ctx context.Context, e *explain.Explainer, t discovery.Type, which Selection) ([]explain.Report, error) {
	sources, err := c.Sources(ctx, t, which.Namespace, which.Name)
	if err != nil || len(sources) == 0 {
		return nil, err
	}
	var all []*unstructured.Unstructured
	if which.Namespace == "" && which.Name == "" {
		all = sources
	}
	var reports []explain.Report
	read := map[discovery.Type]*mirrors{} // by the type of mirrors, what there is of it and of t
	for _, u := range sources {
		origin, originNotMirrored, err := c.origin(ctx, t, u)
		if err != nil {
			return nil, err
		}
		other, notMirrored := c.mirrorType(t, u, origin)
		if read[other] == nil {
			if read[other], err = c.mirrorsOfBoth(ctx, t, other, all); err != nil {
				return nil, err
			}
		}
		m := read[other]
		reports = append(reports, e.Explain(ctx, explain.Source{Object: u, Type: t, Origin: origin, NotMirrored: cmp.Or(originNotMirrored, notMirrored), Mirrors: m.records, Written: m.written, Owners: m.owners}))
	}
	return reports, nil
}

// mirrorsOfBoth reads what there is of a type and of that of mirrors. All is the sources of
// the type where all have been read.
func (c *Cluster) mirrorsOfBoth(ctx context.Context, t, other discovery.Type, all []*unstructured.Unstructured) (*mirrors, error) {
	m := newMirrors()
	for _, one := range distinct(t, other) {
		err := c.readMirrors(ctx, m, one, "")
		if err == nil && one == t && all != nil {
			maps.Copy(m.owners, ownersAmong(t, all))
		} else if err == nil {
			err = c.readOwners(ctx, m, one)
		}
		switch {
		case apierrors.IsForbidden(err):
			return nil, err
		case err != nil:
			return nil, c.failed("list "+one.Resource.GroupResource().String(), err)
		}
	}
	return m, nil
}

// ownersAmong is Owners where all sources have been read.
func ownersAmong(t discovery.Type, sources []*unstructured.Unstructured) map[types.UID]mirror.SourceKey {
	owners := map[types.UID]mirror.SourceKey{}
	for _, u := range sources {
		owners[u.GetUID()] = mirror.SourceKey{Type: t.Resource.GroupResource(), Namespace: u.GetNamespace(), Name: u.GetName()}
	}
	return owners
}

// parallel is how many types are asked about at a time.
const parallel = 8

func (c *Cluster) inParallel(types []discovery.Type, do func(discovery.Type)) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, parallel)
	for _, t := range types {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			do(t)
		})
	}
	wg.Wait()
}
