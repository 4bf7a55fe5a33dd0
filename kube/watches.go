package kube

import (
	"context"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/lukaszraczylo/kubemirror/informers"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Watches says what the informers watch, and by which client: whole objects by the
// dynamic client, where content counts, and metadata alone by the metadata client.
type Watches struct{ clients *Clients }

// Watches returns what these clients watch.
func (c *Clients) Watches() Watches { return Watches{c} }

// Sources selects the sources of a type, whichever it is.
func (w Watches) Sources() informers.Selection {
	return informers.Selection{Dynamic: w.clients.dynamic, Labels: mirror.SourceSelector}
}

// Mirrors selects the metadata of the mirrors of a type, whichever it is.
func (w Watches) Mirrors() informers.Selection {
	return informers.Selection{Metadata: w.clients.Metadata, Labels: mirror.MirrorSelector}
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

// Namespaces selects all namespaces.
func (w Watches) Namespaces() informers.Selection {
	return informers.Selection{Metadata: w.clients.Metadata, Resource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}}
}

// Object watches one object until the context is done, and calls gone when it is
// not there, or is there no more.
func (w Watches) Object(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, gone func()) {
	asItIs := func(obj any) (any, error) { return obj, nil }
	watchOne(ctx, informers.Selection{Metadata: w.clients.Metadata, Resource: resource, Namespace: namespace}, name, asItIs, &one{set: func(any) {}, gone: gone})
}

// Origin watches one object until the context is done, and calls seen with each form of it,
// and with nil when it is not there, or is there no more.
func (w Watches) Origin(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, seen func(*mirror.Origin)) {
	watchOne(ctx, informers.Selection{Dynamic: w.clients.dynamic, Resource: resource, Namespace: namespace}, name, mirror.IngestOrigin,
		&one{set: func(obj any) { seen(obj.(*mirror.Origin)) }, gone: func() { seen(nil) }})
}

// watchOne watches the one object of a name among those selected.
func watchOne(ctx context.Context, among informers.Selection, name string, transform cache.TransformFunc, o *one) {
	among.Fields = fields.OneTermEqualSelector("metadata.name", name).String()
	informer := informers.New("one of "+among.Resource.Resource, among, transform, o, func(error) {})
	go func() {
		select {
		case <-informer.Synced():
			if !o.there.Load() {
				o.gone()
			}
		case <-ctx.Done():
		}
	}()
	informer.Run(ctx)
}

// one is the handler of one object: it tells of each form, and when it isn't there.
type one struct {
	set   func(obj any)
	gone  func()
	there atomic.Bool
}

func (o *one) Set(obj any) {
	o.there.Store(true)
	o.set(obj)
}

func (o *one) Gone(types.NamespacedName, types.UID, string) { o.gone() }
