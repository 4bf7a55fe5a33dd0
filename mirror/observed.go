package mirror

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// observed is what is read of a mirror, in whichever form it came.
type observed struct {
	metav1.Object
	kind      schema.GroupVersionKind
	content   Hash
	immutable bool
	status    any // as it came from JSON; nil: none
	written   []entry
}

var (
	secretKind    = corev1.SchemeGroupVersion.WithKind("Secret")
	configMapKind = corev1.SchemeGroupVersion.WithKind("ConfigMap")
)

// observe reads an object from JSON, or a Secret or ConfigMap from protobuf. It
// returns nil for anything else.
func observe(obj any) *observed {
	switch o := obj.(type) {
	case *unstructured.Unstructured:
		return &observed{
			Object: o, kind: o.GroupVersionKind(), content: hashContent(content(o.Object)), immutable: immutable(o.Object),
			status: o.Object["status"], written: entriesIn(o),
		}
	case *corev1.Secret:
		fields := typedContent(o.Immutable)
		if len(o.Data) > 0 {
			fields["data"] = o.Data
		}
		if o.Type != "" {
			fields["type"] = string(o.Type)
		}
		return typed(&o.ObjectMeta, secretKind, fields)
	case *corev1.ConfigMap:
		fields := typedContent(o.Immutable)
		if len(o.Data) > 0 {
			fields["data"] = o.Data
		}
		if len(o.BinaryData) > 0 {
			fields["binaryData"] = o.BinaryData
		}
		return typed(&o.ObjectMeta, configMapKind, fields)
	}
	return nil
}

func typedContent(immutable *bool) map[string]any {
	if immutable == nil {
		return map[string]any{}
	}
	return map[string]any{"immutable": *immutable}
}

func typed(metadata *metav1.ObjectMeta, kind schema.GroupVersionKind, fields map[string]any) *observed {
	return &observed{
		Object: metadata, kind: kind, content: hashContent(fields), immutable: fields["immutable"] == true,
		written: entriesOf(metadata.ManagedFields),
	}
}
