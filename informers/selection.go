package informers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

// Selection says which objects an informer watches, and by which client.
type Selection struct {
	// Dynamic reads whole objects, Metadata their metadata alone. One of them is set.
	Dynamic  dynamic.Interface
	Metadata metadata.Interface

	Resource  schema.GroupVersionResource
	Namespace string // empty for all
	// Labels and Fields are the selectors by which the server picks the objects.
	Labels, Fields string
}

// informer makes client-go's informer, by a factory of its own: its client is one
// that the Informer hears of all that it is answered.
func (s Selection) informer(i *Informer) cache.SharedIndexInformer {
	if s.Dynamic != nil {
		client := dynamicClient{s.Dynamic.Resource(s.Resource).Namespace(s.Namespace), i}
		return dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, s.Namespace, s.tweak).ForResource(s.Resource).Informer()
	}
	client := metadataClient{s.Metadata.Resource(s.Resource).Namespace(s.Namespace), i}
	return metadatainformer.NewFilteredSharedInformerFactory(client, 0, s.Namespace, s.tweak).ForResource(s.Resource).Informer()
}

// page is how many objects of a plain list are read at a time.
const page = 50

// tweak adds the selectors to a request, and makes the pages of a plain list small.
// A server that doesn't stream lists answers one at resource version 0 whole,
// whatever the limit. One without a limit is to come whole: the pager takes what it
// gets then for all that there is.
func (s Selection) tweak(options *metav1.ListOptions) {
	options.LabelSelector, options.FieldSelector = s.Labels, s.Fields
	if options.Limit == 0 {
		return
	}
	options.Limit = page
	if options.ResourceVersion == "0" {
		options.ResourceVersion = ""
	}
}

// dynamicClient is the client of one informer, which hears what it is answered.
type dynamicClient struct {
	dynamic.ResourceInterface
	i *Informer
}

func (c dynamicClient) Resource(schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return c
}

func (c dynamicClient) Namespace(string) dynamic.ResourceInterface { return c }

// List reduces each object as its page arrives: client-go would hold all pages in
// full before it reduces the first. What is left of the object carries the result.
func (c dynamicClient) List(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	list, err := list(ctx, c.i, options, c.ResourceInterface.List)
	if err != nil {
		return nil, err
	}
	for n := range list.Items {
		reduced, _ := c.i.reduce(&list.Items[n])
		list.Items[n].Object = map[string]any{carried: reduced}
	}
	return list, nil
}

func (c dynamicClient) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return c.i.watch(ctx, options, c.ResourceInterface.Watch)
}

// metadataClient is the same for metadata.
type metadataClient struct {
	metadata.ResourceInterface
	i *Informer
}

func (c metadataClient) Resource(schema.GroupVersionResource) metadata.Getter { return c }

func (c metadataClient) Namespace(string) metadata.ResourceInterface { return c }

// List reduces each object too. Metadata can carry nothing else; the informer keeps what
// is made of it until client-go asks.
func (c metadataClient) List(ctx context.Context, options metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	list, err := list(ctx, c.i, options, c.ResourceInterface.List)
	if err != nil {
		return nil, err
	}
	if options.Continue == "" {
		c.i.listed.Clear()
	}
	for n := range list.Items {
		item := &list.Items[n]
		reduced, _ := c.i.reduce(item)
		bare := metav1.PartialObjectMetadata{TypeMeta: item.TypeMeta}
		bare.Namespace, bare.Name, bare.ResourceVersion = item.Namespace, item.Name, item.ResourceVersion
		*item = bare
		c.i.listed.Store(versionOf(item), reduced)
	}
	return list, nil
}

func (c metadataClient) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return c.i.watch(ctx, options, c.ResourceInterface.Watch)
}
