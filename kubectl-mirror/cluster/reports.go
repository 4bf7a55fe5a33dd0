package cluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
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
	var owners map[types.UID]types.NamespacedName
	sources, err := c.Sources(ctx, t, which.Namespace, which.Name)
	if err != nil || len(sources) == 0 {
		return nil, err
	}
	mirrors, written, err := c.Mirrors(ctx, t, "")
	if err == nil && which.Namespace == "" && which.Name == "" {
		owners = ownersAmong(sources)
	} else if err == nil {
		owners, err = c.Owners(ctx, t)
	}
	if apierrors.IsForbidden(err) {
		return nil, err
	} else if err != nil {
		return nil, c.failed("list "+t.Resource.GroupResource().String(), err)
	}
	var reports []explain.Report
	for _, u := range sources {
		reports = append(reports, e.Explain(ctx, explain.Source{Object: u, Type: t, Mirrors: mirrors, Written: written, Owners: owners}))
	}
	return reports, nil
}

// ownersAmong is Owners where all sources have been read.
func ownersAmong(sources []*unstructured.Unstructured) map[types.UID]types.NamespacedName {
	owners := map[types.UID]types.NamespacedName{}
	for _, u := range sources {
		owners[u.GetUID()] = types.NamespacedName{Namespace: u.GetNamespace(), Name: u.GetName()}
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
