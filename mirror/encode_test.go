package mirror

import (
	"maps"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
)

// readBody reads what is sent, as the server would.
// sourceOf is a source of a core kind that nothing else is known of.
func sourceOf(kind string) *Source {
	return &Source{APIVersion: "v1", Kind: kind, Mirrors: MirrorType{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: kind}}}
}

func readBody(body Body) (*unstructured.Unstructured, error) {
	return mirrortest.ReadBody(body.ContentType, body.Bytes)
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
			src := sourceOf(row.kind)
			shape, fields := shapeOf(t, src, row.yaml)
			body, err := Draft{src, shape, "ns", "db"}.Encode(nil, nil, time.Now())
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
			if HashContent(Content(sent.Object)) != HashContent(fields) {
				t.Errorf("of %v is sent %v", fields, sent.Object)
			}
		})
	}
}

func TestAMirrorIsTheSameByItsMetadataAlone(t *testing.T) {
	u := parsed(t, mirrored)
	whole, alone := NewRecord(configMaps.GroupResource(), u), NewRecord(configMaps.GroupResource(), mirrortest.MetadataOf(u))
	if whole.Unmanaged == nil || alone.Unmanaged == nil || !maps.Equal(whole.Unmanaged.labels, alone.Unmanaged.labels) {
		t.Errorf("others' labels are %v, and %v by metadata alone", whole.Unmanaged, alone.Unmanaged)
	}
	whole.Unmanaged, alone.Unmanaged, whole.seenAt, alone.seenAt = nil, nil, 0, 0
	if *whole != *alone {
		t.Errorf("it is\n%+v whole, and\n%+v by metadata alone", whole, alone)
	}
}

func shapeOf(t *testing.T, src *Source, text string) (*Desired, map[string]any) {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	shape, err := src.newDesired(fields)
	if err != nil {
		t.Fatal(err)
	}
	return shape, fields
}
