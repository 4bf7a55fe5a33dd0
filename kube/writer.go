package kube

import (
	"context"
	"encoding/json"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Writer reads and writes whole objects. What it writes is encoded already, and the
// server answers with the metadata alone: neither side need encode, send and read what
// we know.
type Writer struct{ server rest.Interface }

// Writer returns the writer of these clients.
func (c *Clients) Writer() Writer { return Writer{c.server} }

// metadataOnly is the form of the answer, in protobuf if the server can. A server
// that doesn't know it answers with the whole object.
const metadataOnly = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1," +
	"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// Get implements controller.Objects.
func (w Writer) Get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	result := w.server.Get().AbsPath(append(resourcePath(resource, namespace), name)...).
		SetHeader("Accept", runtime.ContentTypeJSON).Do(ctx)
	if err := result.Error(); err != nil { // the server's own words, which Raw doesn't read
		return nil, err
	}
	text, err := result.Raw()
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if u.UnmarshalJSON(text) != nil {
		return nil, errors.New("the server's answer can't be decoded") // the error would quote it (I8)
	}
	return u, nil
}

// Create implements controller.Objects.
func (w Writer) Create(ctx context.Context, resource schema.GroupVersionResource, namespace string, object mirror.Body, options metav1.CreateOptions) (*metav1.PartialObjectMetadata, error) {
	return send(ctx, w.server.Post().AbsPath(resourcePath(resource, namespace)...), object, &options)
}

// Update implements controller.Objects.
func (w Writer) Update(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, object mirror.Body, options metav1.UpdateOptions) (*metav1.PartialObjectMetadata, error) {
	return send(ctx, w.server.Put().AbsPath(append(resourcePath(resource, namespace), name)...), object, &options)
}

func send(ctx context.Context, request *rest.Request, object mirror.Body, options runtime.Object) (*metav1.PartialObjectMetadata, error) {
	result := request.
		SetHeader("Accept", metadataOnly).SetHeader("Content-Type", object.ContentType).
		SpecificallyVersionedParams(options, parameters, schema.GroupVersion{Version: "v1"}).
		Body(object.Bytes).Do(ctx)
	if err := result.Error(); err != nil { // the server's own words
		return nil, err
	}
	answer := &metav1.PartialObjectMetadata{}
	err := result.Into(answer)
	if runtime.IsNotRegisteredError(err) { // the whole object
		whole, _ := result.Raw()
		return answer, json.Unmarshal(whole, answer)
	}
	return answer, err
}

// parameters encodes the options of requests into their URLs.
var parameters = func() runtime.ParameterCodec {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	return runtime.NewParameterCodec(scheme)
}()

// resourcePath is where the API server has the objects of a type in a namespace.
func resourcePath(resource schema.GroupVersionResource, namespace string) []string {
	path := []string{"apis", resource.Group, resource.Version}
	if resource.Group == "" {
		path = []string{"api", resource.Version}
	}
	return append(path, "namespaces", namespace, resource.Resource)
}
