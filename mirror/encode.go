package mirror

import (
	"bytes"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Body is an object as it is sent.
type Body struct {
	ContentType string
	Bytes       []byte
}

// encoder makes a mirror of content. A shape has one, for all its mirrors.
type encoder interface {
	encode(kind schema.GroupVersionKind, metadata *metav1.ObjectMeta, status any) (Body, error)
	// fields is the content.
	fields() map[string]any
}

var (
	secretKind    = corev1.SchemeGroupVersion.WithKind("Secret")
	configMapKind = corev1.SchemeGroupVersion.WithKind("ConfigMap")
)

// newEncoder picks the form in which content is sent: Secrets and ConfigMaps in
// protobuf, which the server reads in a fraction of the time, and all else in JSON.
// So is one of these with a field that this program doesn't know, or that is not
// what it should be, about which the server has the right words.
func newEncoder(kind schema.GroupVersionKind, fields map[string]any) (encoder, error) {
	strictly := func(into any) bool {
		return runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(fields, into, true) == nil
	}
	switch kind {
	case secretKind:
		if content := new(corev1.Secret); strictly(content) {
			return inProtobuf(func(metadata *metav1.ObjectMeta) runtime.Object {
				secret := *content
				secret.ObjectMeta = *metadata
				return &secret
			}), nil
		}
	case configMapKind:
		if content := new(corev1.ConfigMap); strictly(content) {
			return inProtobuf(func(metadata *metav1.ObjectMeta) runtime.Object {
				configMap := *content
				configMap.ObjectMeta = *metadata
				return &configMap
			}), nil
		}
	}
	if kind == jobKind {
		return asJob(fields), nil
	}
	encoded, err := json.Marshal(fields)
	return inJSON(encoded), err
}

// inProtobuf makes an object that can be sent in protobuf.
type inProtobuf func(*metav1.ObjectMeta) runtime.Object

var protobufSerializer = protobuf.NewSerializer(nil, nil)

func (p inProtobuf) encode(kind schema.GroupVersionKind, metadata *metav1.ObjectMeta, _ any) (Body, error) {
	object := p(metadata)
	object.GetObjectKind().SetGroupVersionKind(kind)
	memory := runtime.AllocatorPool.Get().(*runtime.Allocator)
	defer runtime.AllocatorPool.Put(memory)
	var out bytes.Buffer
	err := protobufSerializer.EncodeWithAllocator(object, &out, memory)
	return Body{runtime.ContentTypeProtobuf, out.Bytes()}, err
}

func (p inProtobuf) fields() map[string]any {
	object, _ := runtime.DefaultUnstructuredConverter.ToUnstructured(p(&metav1.ObjectMeta{})) // it came from there
	return Content(object)
}

// inJSON is content in JSON.
type inJSON []byte

func (j inJSON) fields() map[string]any {
	var fields map[string]any
	_ = utiljson.Unmarshal(j, &fields) // we wrote it
	return fields
}

func (j inJSON) encode(kind schema.GroupVersionKind, metadata *metav1.ObjectMeta, status any) (Body, error) {
	apiVersion, name := kind.ToAPIVersionAndKind()
	head, err := json.Marshal(struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Status            any `json:"status,omitempty"`
	}{metav1.TypeMeta{Kind: name, APIVersion: apiVersion}, *metadata, status})
	if err == nil && len(j) > len("{}") {
		// {"apiVersion":…} and {"data":…} become one.
		head = slices.Concat(head[:len(head)-1], []byte{','}, j[1:])
	}
	return Body{runtime.ContentTypeJSON, head}, err
}
