package kube

import (
	"context"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/lukaszraczylo/kubemirror/informers"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Watches gives the informers access to the API server: whole objects by the
// dynamic client, where content counts, and metadata alone by the metadata client.
type Watches struct{ clients *Clients }

// Watches returns the lists and watches of these clients.
func (c *Clients) Watches() Watches { return Watches{c} }

// Sources lists and watches the sources of a type, whole.
func (w Watches) Sources(resource schema.GroupVersionResource) informers.ListWatch {
	objects := w.clients.dynamic.Resource(resource)
	return informers.ListWatch{
		List: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = mirror.SourceSelector
			return objects.List(ctx, options)
		},
		Watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = mirror.SourceSelector
			return streamJSON(ctx, w.clients.server, resource, options)
		},
	}
}

// Mirrors lists and watches the metadata of the mirrors of a type.
func (w Watches) Mirrors(resource schema.GroupVersionResource) informers.ListWatch {
	return w.metadataOf(resource, "", metav1.ListOptions{LabelSelector: mirror.MirrorSelector})
}

// anyTimeout bounds the question for any object of a type, which is asked again.
const anyTimeout = 30 * time.Second

// Any reports whether a label selector picks any object of a type.
func (w Watches) Any(ctx context.Context, resource schema.GroupVersionResource, selector string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, anyTimeout)
	defer cancel()
	list, err := w.clients.Metadata.Resource(resource).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 1})
	return err == nil && len(list.Items) > 0, err
}

var namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// Namespaces lists and watches the metadata of namespaces.
func (w Watches) Namespaces() informers.ListWatch {
	return w.metadataOf(namespaceResource, "", metav1.ListOptions{})
}

// metadataOf lists and watches the metadata of the objects of a type that the selectors
// pick.
func (w Watches) metadataOf(resource schema.GroupVersionResource, namespace string, selected metav1.ListOptions) informers.ListWatch {
	objects := w.clients.Metadata.Resource(resource).Namespace(namespace)
	return informers.ListWatch{
		List: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector, options.FieldSelector = selected.LabelSelector, selected.FieldSelector
			return objects.List(ctx, options)
		},
		Watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector, options.FieldSelector = selected.LabelSelector, selected.FieldSelector
			return objects.Watch(ctx, options)
		},
	}
}

// Object watches one object until the context is done, and calls gone when it is
// not there, or is there no more.
func (w Watches) Object(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, gone func()) {
	p := &presence{gone: gone}
	named := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()}
	informer := informers.New("one of "+resource.Resource, w.metadataOf(resource, namespace, named),
		func(obj any) (any, error) { return obj, nil }, p, func(error) {})
	go func() {
		select {
		case <-informer.Synced():
			if !p.seen.Load() {
				gone()
			}
		case <-ctx.Done():
		}
	}()
	informer.Run(ctx)
}

// presence is the handler that tells when the one object goes.
type presence struct {
	gone func()
	seen atomic.Bool
}

func (p *presence) Set(any)          { p.seen.Store(true) }
func (p *presence) Gone(any, string) { p.gone() }
