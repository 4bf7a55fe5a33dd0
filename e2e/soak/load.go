package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const (
	sources = 12
	targets = 10
	// between is the time between two changes.
	between = 50 * time.Millisecond
)

// load is what people and tools do all the time.
type load struct {
	*cluster
	random *rand.Rand
	did    counts
}

// asks are what sources ask for in turn.
var asks = []string{prefix + "n*", prefix + "n0," + prefix + "n1", prefix + "n*,!" + prefix + "n3", prefix + "n?,!" + prefix + "n0", ""}

func target(i int) string { return fmt.Sprintf("%sn%d", prefix, i) }

// begin makes the namespaces and the sources.
func (l *load) begin(ctx context.Context) error {
	names := []string{sourceNamespace}
	for i := range targets {
		names = append(names, target(i))
	}
	for _, name := range names {
		ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
		if _, err := l.client.Resource(namespaces).Create(ctx, ns, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("make the namespace %s: %w", name, err)
		}
	}
	for _, name := range append([]string{probe}, sourceNames()...) {
		if err := l.create(ctx, name); err != nil {
			return fmt.Errorf("make the source %s: %w", name, err)
		}
	}
	return nil
}

func sourceNames() []string {
	var names []string
	for i := range sources {
		names = append(names, fmt.Sprintf("s%02d", i))
	}
	return names
}

func (l *load) create(ctx context.Context, name string) error {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"key": "0"}}}
	u.SetName(name)
	u.SetLabels(map[string]string{domain + "enabled": "true"})
	u.SetAnnotations(map[string]string{domain + "sync": "true", domain + "target-namespaces": asks[0]})
	_, err := l.client.Resource(configMaps).Namespace(sourceNamespace).Create(ctx, u, metav1.CreateOptions{})
	return err
}

// run makes changes until the context is done. A server that is away makes some fail, and
// nobody minds.
func (l *load) run(ctx context.Context) {
	for tick := time.NewTicker(between); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			what, err := l.change(ctx)
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
				what = "failed"
			}
			l.did[what]++
		}
	}
}

// change makes one change, and says which.
func (l *load) change(ctx context.Context) (string, error) {
	source, place := fmt.Sprintf("s%02d", l.random.IntN(sources)), target(l.random.IntN(targets))
	all := l.client.Resource(configMaps)
	patch := func(namespace, name, format string, values ...any) error {
		_, err := all.Namespace(namespace).Patch(ctx, name, types.MergePatchType, fmt.Appendf(nil, format, values...), metav1.PatchOptions{})
		return err
	}
	switch n := l.random.IntN(20); {
	case n < 9:
		return "content", patch(sourceNamespace, source, `{"data":{"key":"%d"}}`, l.random.Uint32())
	case n < 12:
		return "targets", patch(sourceNamespace, source, `{"metadata":{"annotations":{%q:%q}}}`, domain+"target-namespaces", asks[l.random.IntN(len(asks))])
	case n < 13:
		return "sync", patch(sourceNamespace, source, `{"metadata":{"annotations":{%q:"%v"}}}`, domain+"sync", l.random.IntN(2) == 0)
	case n < 14:
		return "label", patch(sourceNamespace, source, `{"metadata":{"labels":{%q:"%v"}}}`, domain+"enabled", l.random.IntN(2) == 0)
	case n < 15:
		return "source deleted", all.Namespace(sourceNamespace).Delete(ctx, source, metav1.DeleteOptions{})
	case n < 16:
		return "source made", l.create(ctx, source)
	case n < 18:
		return "mirror changed", patch(place, source, `{"data":{"key":"somebody's"}}`)
	case n < 19:
		return "mirror deleted", all.Namespace(place).Delete(ctx, source, metav1.DeleteOptions{})
	}
	_, err := l.client.Resource(namespaces).Patch(ctx, place, types.MergePatchType,
		fmt.Appendf(nil, `{"metadata":{"labels":{%q:"%v"}}}`, domain+"allow-mirrors", l.random.IntN(2) == 0), metav1.PatchOptions{})
	return "consent", err
}
