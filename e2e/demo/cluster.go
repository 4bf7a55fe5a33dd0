package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

const admins = controlplane.Admins

// The types that the examples are of.
var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	middlewares = schema.GroupVersionResource{Group: "traefik.io", Version: "v1alpha1", Resource: "middlewares"}
)

// refTo names an object that we hold.
func refTo(o *unstructured.Unstructured) ref {
	resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind()) // right for the kinds that we have
	return ref{resource, o.GetNamespace(), o.GetName()}
}

// cluster is what we do to the server, as a user would.
type cluster struct {
	dynamic.Interface
}

func (c cluster) resource(r ref) dynamic.ResourceInterface {
	if r.namespace == "" {
		return c.Resource(r.resource)
	}
	return c.Resource(r.resource).Namespace(r.namespace)
}

// apply does what "kubectl apply --server-side" does.
func (c cluster) apply(ctx context.Context, o *unstructured.Unstructured) error {
	_, err := c.resource(refTo(o)).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "demo", Force: true})
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

// patch changes an object by a JSON merge patch and returns its new version.
func (c cluster) patch(ctx context.Context, r ref, patch string) (version string, err error) {
	o, err := c.resource(r).Patch(ctx, r.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "demo"})
	if err != nil {
		return "", fmt.Errorf("change %s/%s: %w", r.namespace, r.name, err)
	}
	return o.GetResourceVersion(), nil
}

func (c cluster) remove(ctx context.Context, r ref) error {
	if err := c.resource(r).Delete(ctx, r.name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete %s/%s: %w", r.namespace, r.name, err)
	}
	return nil
}

// readExample reads the objects of a file of manifests/examples.
func readExample(root, file string) ([]*unstructured.Unstructured, error) {
	path := filepath.Join(root, "manifests", "examples", file)
	f, err := os.Open(path) //nolint:gosec // a file of our own tree
	if err != nil {
		return nil, fmt.Errorf("read an example: %w", err)
	}
	defer func() { _ = f.Close() }()
	var list []*unstructured.Unstructured
	documents := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		o := &unstructured.Unstructured{}
		err := documents.Decode(o)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the example %s: %w", path, err)
		}
		list = append(list, o)
	}
}
