package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/json"
)

// writes writes objects that are encoded already, and has the server answer with
// the metadata alone: the content comes by the watch of mirrors anyway, and neither
// side need encode, send and read it twice.
type writes struct{ server rest.Interface }

// metadataOnly is the form of the answer. A server that doesn't know it answers
// with the whole object.
const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// Create implements mirror.Objects.
func (w writes) Create(ctx context.Context, resource schema.GroupVersionResource, namespace string, object []byte, options metav1.CreateOptions) (*unstructured.Unstructured, error) {
	return send(ctx, w.server.Post().AbsPath(resourcePath(resource, namespace)...), object, &options)
}

// Update implements mirror.Objects.
func (w writes) Update(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, object []byte, options metav1.UpdateOptions) (*unstructured.Unstructured, error) {
	return send(ctx, w.server.Put().AbsPath(append(resourcePath(resource, namespace), name)...), object, &options)
}

func send(ctx context.Context, request *rest.Request, object []byte, options runtime.Object) (*unstructured.Unstructured, error) {
	result := request.
		SetHeader("Accept", metadataOnly).SetHeader("Content-Type", runtime.ContentTypeJSON).
		SpecificallyVersionedParams(options, parameters, schema.GroupVersion{Version: "v1"}).
		Body(object).Do(ctx)
	if err := result.Error(); err != nil { // the server's own words, which Raw doesn't read
		return nil, err
	}
	answer, err := result.Raw()
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	return u, json.UnmarshalCaseSensitivePreserveInts(answer, &u.Object)
}
