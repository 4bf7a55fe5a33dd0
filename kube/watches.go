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

// labelled lists and watches the objects of a type that a label selector picks.
func (w Watches) labelled(resource schema.GroupVersionResource, selector string) informers.ListWatch {
	objects := w.clients.dynamic.Resource(resource)
	return informers.ListWatch{
		List: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = selector
			return objects.List(ctx, options)
		},
		Watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = selector
			return streamJSON(ctx, w.clients.server, resource, options)
		},
	}
}

// Sources lists and watches the sources of a type.
func (w Watches) Sources(resource schema.GroupVersionResource) informers.ListWatch {
	return w.labelled(resource, mirror.SourceSelector)
}

// Mirrors lists and watches the mirrors of a type, in protobuf where it can be read.
func (w Watches) Mirrors(resource schema.GroupVersionResource) informers.ListWatch {
	listWatch := w.labelled(resource, mirror.MirrorSelector)
	if !inProtobuf[resource] {
		return listWatch
	}
	listWatch.Watch = func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		options.LabelSelector, options.Watch = mirror.MirrorSelector, true
		return w.clients.protobuf.Get().Resource(resource.Resource).
			VersionedParams(&options, metav1.ParameterCodec).
			MaxRetries(watchRetries).
			Watch(ctx)
	}
	return listWatch
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
	return w.metadataOf(namespaceResource, "", "")
}

// metadataOf lists and watches the metadata of the objects of a type, or of the
// one of a name.
func (w Watches) metadataOf(resource schema.GroupVersionResource, namespace, name string) informers.ListWatch {
	selector := ""
	if name != "" {
		selector = fields.OneTermEqualSelector("metadata.name", name).String()
	}
	objects := w.clients.Metadata.Resource(resource).Namespace(namespace)
	return informers.ListWatch{
		List: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = selector
			return objects.List(ctx, options)
		},
		Watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = selector
			return objects.Watch(ctx, options)
		},
	}
}

// Object watches one object until the context is done, and calls gone when it is
// not there, or is there no more.
func (w Watches) Object(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, gone func()) {
	p := &presence{gone: gone}
	informer := informers.New("one of "+resource.Resource, w.metadataOf(resource, namespace, name),
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
