package mirror

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// readBody reads what is sent, as the server would.
func readBody(body Body) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if body.ContentType == runtime.ContentTypeJSON {
		return u, u.UnmarshalJSON(body.Bytes)
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(body.Bytes[len("k8s\x00"):]); err != nil {
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

// metadataOf is the answer to a write.
func metadataOf(u *unstructured.Unstructured) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"metadata": u.Object["metadata"]}, m); err != nil {
		panic(err)
	}
	return m
}

// content in YAML, and whether it can be sent in protobuf as it is.
var contents = []struct {
	it, kind, yaml string
	protobuf       bool
}{
	{"a Secret", "Secret", `{type: Opaque, data: {a: PHg+, empty: "", binary: AP+A}}`, true},
	{"a Secret with nothing in it", "Secret", `{type: Opaque}`, true},
	{"an immutable Secret", "Secret", `{type: Opaque, data: {a: YQ==}, immutable: true}`, true},
	{"a Secret that isn't immutable, and says so", "Secret", `{type: Opaque, immutable: false}`, true},
	{"a ConfigMap", "ConfigMap", `{data: {a: "x\ny", empty: ""}, binaryData: {b: AP+A}}`, true},
	{"an immutable ConfigMap", "ConfigMap", `{data: {a: x}, immutable: true}`, true},
	{"a field that is new to us", "Secret", `{type: Opaque, data: {a: PHg+}, sealed: true}`, false},
	{"what is no base64", "Secret", `{data: {a: "<x>"}}`, false},
	{"a number where the server wants a text", "ConfigMap", `{data: {a: 1}}`, false},
	{"another kind", "Widget", `{spec: {size: 3}}`, false},
}

func TestContentIsSentWholeInTheFormThatTheServerReadsFastest(t *testing.T) {
	for _, row := range contents {
		t.Run(row.it, func(t *testing.T) {
			src := &Source{APIVersion: "v1", Kind: row.kind}
			shape, fields := shapeOf(t, src, row.yaml)
			body, err := draft{src, shape, configMaps.GroupResource(), "ns", "db"}.body(nil, nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if (body.ContentType == runtime.ContentTypeProtobuf) != row.protobuf {
				t.Errorf("it is sent as %s", body.ContentType)
			}
			sent, err := readBody(body)
			if err != nil {
				t.Fatal(err)
			}
			if hashContent(content(sent.Object)) != hashContent(fields) {
				t.Errorf("of %v is sent %v", fields, sent.Object)
			}
		})
	}
}

// What is written in one form and seen in the other must not look like a change.
func TestAMirrorIsTheSameInJSONAndInProtobuf(t *testing.T) {
	for _, row := range contents {
		if !row.protobuf {
			continue
		}
		for _, managedFields := range []string{mirrored, strings.Split(mirrored, "  - manager: kubectl-label")[0]} {
			u := parsed(t, managedFields)
			u.SetKind(row.kind)
			delete(u.Object, "data")
			_, fields := shapeOf(t, &Source{}, row.yaml)
			maps.Copy(u.Object, fields)
			object := map[string]runtime.Object{"Secret": &corev1.Secret{}, "ConfigMap": &corev1.ConfigMap{}}[row.kind]
			text, err := u.MarshalJSON()
			if err == nil {
				err = json.Unmarshal(text, object)
			}
			if err != nil {
				t.Fatal(err)
			}
			inJSON, inProtobuf := newRecord(configMaps.GroupResource(), observe(u)), newRecord(configMaps.GroupResource(), observe(object))
			f, g := inJSON.foreign, inProtobuf.foreign
			inJSON.foreign, inProtobuf.foreign = nil, nil
			if *inJSON != *inProtobuf {
				t.Errorf("%s: it is\n%+v in JSON, and\n%+v in protobuf", row.it, inJSON, inProtobuf)
			}
			for _, key := range []string{"team", "app"} {
				one, its := f.label(key)
				if other, too := g.label(key); one != other || its != too {
					t.Errorf("%s: the label %s is another's: %v in JSON, %v in protobuf", row.it, key, its, too)
				}
			}
		}
	}
}

func shapeOf(t *testing.T, src *Source, text string) (*Shape, map[string]any) {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	shape, err := src.newShape(fields)
	if err != nil {
		t.Fatal(err)
	}
	return shape, fields
}
