package mirror

import (
	"encoding/base64"
	"fmt"
	"maps"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// MirrorType is what the mirrors of a source are: a resource and its kind.
type MirrorType struct {
	Resource schema.GroupResource
	schema.GroupVersionKind
}

var (
	secretType    = MirrorType{schema.GroupResource{Resource: "secrets"}, schema.GroupVersionKind{Version: "v1", Kind: "Secret"}}
	configMapType = MirrorType{schema.GroupResource{Resource: "configmaps"}, schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}}
)

// turnedInto is what mirrors of such objects are, by the annotation target-kind (contract,
// "On a source, written by users"). A Secret's readers are fewer than a ConfigMap's, so what
// of it becomes one is to be named, key by key: a key that the Secret gets later doesn't go
// out.
func (t MirrorType) turnedInto(kind string) (MirrorType, error) {
	either := t.Resource == secretType.Resource || t.Resource == configMapType.Resource
	switch {
	case kind == "" || kind == t.Kind && either:
		return t, nil
	case kind != secretType.Kind && kind != configMapType.Kind:
		return t, fmt.Errorf("%s: %q is neither %s nor %s", api.AnnotationTargetKind, kind, configMapType.Kind, secretType.Kind)
	case !either:
		return t, fmt.Errorf("%s: only the mirrors of Secrets and ConfigMaps may be of another kind, not those of a %s", api.AnnotationTargetKind, t.Kind)
	case kind == configMapType.Kind:
		return configMapType, nil
	}
	return secretType, nil
}

// convert makes of an object one of the mirrors' kind. It may be the object itself.
func (t MirrorType) convert(object map[string]any) (map[string]any, error) {
	switch {
	case object["kind"] == t.Kind:
		return object, nil
	case t == configMapType:
		return toConfigMap(object)
	}
	return toSecret(object)
}

// toConfigMap makes a ConfigMap of a Secret: what is text is data there, and the rest
// binaryData.
func toConfigMap(secret map[string]any) (map[string]any, error) {
	data, binaryData := map[string]any{}, map[string]any{}
	encoded, _ := secret["data"].(map[string]any)
	for key, value := range encoded {
		text, _ := value.(string)
		switch decoded, err := base64.StdEncoding.DecodeString(text); {
		case err != nil:
			return nil, fmt.Errorf("data[%q] is no base64, and so can't become a ConfigMap's", key)
		case utf8.Valid(decoded):
			data[key] = string(decoded)
		default:
			binaryData[key] = text
		}
	}
	plain, _ := secret["stringData"].(map[string]any) // of rules; the server shows none
	for key, value := range plain {
		delete(binaryData, key)
		data[key] = value
	}
	return configMapType.object(secret, map[string]any{"data": data, "binaryData": binaryData}), nil
}

// toSecret makes an opaque Secret of a ConfigMap.
func toSecret(configMap map[string]any) (map[string]any, error) {
	data := map[string]any{}
	plain, _ := configMap["data"].(map[string]any)
	for key, value := range plain {
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("data[%q] is no text, and so can't become a Secret's", key)
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	binary, _ := configMap["binaryData"].(map[string]any)
	maps.Copy(data, binary)
	return secretType.object(configMap, map[string]any{"data": data, "type": "Opaque"}), nil
}

// object is one of the kind with these fields, and otherwise what both kinds have.
func (t MirrorType) object(from, fields map[string]any) map[string]any {
	apiVersion, kind := t.ToAPIVersionAndKind()
	o := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": from["metadata"]}
	if immutable, ok := from["immutable"]; ok {
		o["immutable"] = immutable
	}
	for name, value := range fields {
		if m, isMap := value.(map[string]any); !isMap || len(m) > 0 {
			o[name] = value
		}
	}
	return o
}
