package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/pager"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// ErrForbidden is what the user has no right to.
var ErrForbidden = errors.New("ask for the right to, or who has it")

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// Namespaces reads all namespaces, and when each was made.
func (c *Cluster) Namespaces(ctx context.Context) (all map[string]*mirror.Namespace, born map[string]time.Time, err error) {
	all, born = map[string]*mirror.Namespace{}, map[string]time.Time{}
	err = c.each(ctx, namespaces, "", "", func(m *metav1.PartialObjectMetadata) {
		all[m.Name], born[m.Name] = ingest(m), m.CreationTimestamp.Time
	})
	if apierrors.IsForbidden(err) {
		return nil, nil, errors.New("you may not list namespaces, which it takes to know all targets; ask about one of them: kubectl mirror why TYPE/NAME --in=NAMESPACE")
	}
	if err != nil {
		return nil, nil, c.failed("list namespaces", err)
	}
	return all, born, nil
}

// NamespaceAlone reads one namespace; none where there is none, or the user may not see it.
func (c *Cluster) NamespaceAlone(ctx context.Context, name string) (found map[string]*mirror.Namespace, may bool, err error) {
	m, err := c.metadata.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err):
		return nil, false, nil
	case apierrors.IsNotFound(err):
		return nil, true, nil
	case err != nil:
		return nil, false, c.failed("read the namespace "+name, err)
	}
	return map[string]*mirror.Namespace{name: ingest(m)}, true, nil
}

func ingest(m *metav1.PartialObjectMetadata) *mirror.Namespace {
	ns, _ := mirror.IngestNamespace(m) // never fails
	return ns.(*mirror.Namespace)
}

// Object reads an object whole; nil where there is none, ErrForbidden where the user may not.
func (c *Cluster) Object(ctx context.Context, t discovery.Type, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.Whole(ctx, t.Resource, namespace, name)
	what := fmt.Sprintf("%s %s/%s", t.Resource.GroupResource(), namespace, name)
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("you may not read %s: %w", what, ErrForbidden)
	case err != nil:
		return nil, c.failed("read "+what, err)
	}
	return u, nil
}

// Sources reads the sources of a type, or what is meant to be one, whole: those of one
// namespace and name, where these are given.
func (c *Cluster) Sources(ctx context.Context, t discovery.Type, namespace, name string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return c.objects.Resource(t.Resource).Namespace(namespace).List(ctx, options)
	})
	options := metav1.ListOptions{LabelSelector: mirror.SourceSelector}
	if name != "" {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}
	err := list.EachListItem(ctx, options, func(o runtime.Object) error {
		all = append(all, o.(*unstructured.Unstructured))
		return nil
	})
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("you may not list %s: %w", t.Resource.GroupResource(), ErrForbidden)
	case err != nil:
		return nil, c.failed("list "+t.Resource.GroupResource().String(), err)
	}
	return all, nil
}

// Owners reads the names of the sources of a type by UID.
func (c *Cluster) Owners(ctx context.Context, t discovery.Type) (map[types.UID]mirror.SourceKey, error) {
	owners := map[types.UID]mirror.SourceKey{}
	err := c.EachSource(ctx, t, "", func(m *metav1.PartialObjectMetadata) {
		owners[m.UID] = mirror.SourceKey{Type: t.Resource.GroupResource(), Namespace: m.Namespace, Name: m.Name}
	})
	return owners, err
}

// EachSource hands over the metadata of the sources of a type; those of one namespace, or all.
func (c *Cluster) EachSource(ctx context.Context, t discovery.Type, namespace string, do func(*metav1.PartialObjectMetadata)) error {
	return c.each(ctx, t.Resource, namespace, mirror.SourceSelector, do)
}

// each hands over the metadata of all objects that a selector finds.
func (c *Cluster) each(ctx context.Context, resource schema.GroupVersionResource, namespace, selector string, do func(*metav1.PartialObjectMetadata)) error {
	list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return c.metadata.Resource(resource).Namespace(namespace).List(ctx, options)
	})
	return list.EachListItem(ctx, metav1.ListOptions{LabelSelector: selector}, func(o runtime.Object) error {
		do(o.(*metav1.PartialObjectMetadata))
		return nil
	})
}

var _ explain.Reader = (*Cluster)(nil)

// Existing is an object's metadata; nil where there is none.
func (c *Cluster) Existing(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*metav1.PartialObjectMetadata, error) {
	m, err := c.metadata.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return m, err
}

// Whole is all of an object; nil where there is none.
func (c *Cluster) Whole(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.objects.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return u, err
}

// Try asks the server whether it would take a new object.
func (c *Cluster) Try(ctx context.Context, resource schema.GroupVersionResource, object *unstructured.Unstructured) error {
	_, err := c.objects.Resource(resource).Namespace(object.GetNamespace()).Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	return err
}

// Failed says in one line what could not be read.
func (c *Cluster) failed(doing string, err error) error {
	unreachable := &url.Error{}
	switch {
	case errors.As(err, &unreachable):
		return fmt.Errorf("can't %s: the API server at %s doesn't answer: %w; check it with kubectl get --raw /readyz", doing, c.config.Host, unreachable.Err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("can't %s: the API server doesn't know you: log in, or check your kubeconfig's user", doing)
	}
	return fmt.Errorf("can't %s: %w", doing, err)
}
