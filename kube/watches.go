package kube

import (
	"context"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

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
	p := &presence{gone: gone}
	informer := informers.New("one of "+resource.Resource, informers.Selection{
		Metadata: w.clients.Metadata, Resource: resource, Namespace: namespace,
		Fields: fields.OneTermEqualSelector("metadata.name", name).String(),
	}, func(obj any) (any, error) { return obj, nil }, p, func(error) {})
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

func (p *presence) Set(any) { p.seen.Store(true) }

func (p *presence) Gone(types.NamespacedName, types.UID, string) { p.gone() }

// Origin watches one object until the context is done, and calls seen with each form of it,
// and with nil when it is not there, or is there no more.
func (w Watches) Origin(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, seen func(*mirror.Origin)) {
	o := &origin{seen: seen}
	informer := informers.New("one of "+resource.Resource, informers.Selection{
		Dynamic: w.clients.dynamic, Resource: resource, Namespace: namespace,
		Fields: fields.OneTermEqualSelector("metadata.name", name).String(),
	}, mirror.IngestOrigin, o, func(error) {})
	go func() {
		select {
		case <-informer.Synced():
			if !o.there.Load() {
				seen(nil)
			}
		case <-ctx.Done():
		}
	}()
	informer.Run(ctx)
}

// origin is the handler that tells of the one object.
type origin struct {
	seen  func(*mirror.Origin)
	there atomic.Bool
}

func (o *origin) Set(obj any) {
	o.there.Store(true)
	o.seen(obj.(*mirror.Origin))
}

func (o *origin) Gone(types.NamespacedName, types.UID, string) { o.seen(nil) }
