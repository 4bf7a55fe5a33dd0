// Package mirrortest plays the API server for tests of what is sent to it and what it
// answers.
package mirrortest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// ReadBody reads the body of a create or an update, as the server would.
func ReadBody(contentType string, body []byte) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if contentType == runtime.ContentTypeJSON {
		return u, u.UnmarshalJSON(body)
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(body[len("k8s\x00"):]); err != nil {
		return nil, err
	}
	object := map[string]interface {
		runtime.Object
		Unmarshal([]byte) error
	}{"Secret": &corev1.Secret{}, "ConfigMap": &corev1.ConfigMap{}}[envelope.Kind]
	if err := object.Unmarshal(envelope.Raw); err != nil {
		return nil, err
	}
	object.GetObjectKind().SetGroupVersionKind(envelope.GroupVersionKind())
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	u.Object = fields
	return u, err
}

// MetadataOf is the server's answer to a write of an object.
func MetadataOf(u *unstructured.Unstructured) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"metadata": u.Object["metadata"]}, m); err != nil {
		panic(err)
	}
	return m
}
