package kit

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// domain begins every label and annotation of the product.
const domain = "kubemirror.raczylo.com/"

// Source is an object that is to be mirrored, for Apply: one with the label,
// sync: "true", the content key: value, and these annotations, written key=value
// without the domain. Among them, sync= takes the place of its value.
func Source(r Ref, value string, annotations ...string) string {
	all := map[string]string{domain + "sync": "true"}
	for _, annotation := range annotations {
		key, text, _ := strings.Cut(annotation, "=")
		all[domain+key] = text
	}
	kind, version, _ := strings.Cut(r.Kind, ".")
	version, group, _ := strings.Cut(version, ".")
	if kind == "Secret" {
		value = base64.StdEncoding.EncodeToString([]byte(value))
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": strings.TrimPrefix(group+"/"+cmp.Or(version, "v1"), "/"),
		"kind":       kind,
		"metadata": map[string]any{
			"namespace": r.Namespace, "name": r.Name,
			"labels":      map[string]string{domain + "enabled": "true"},
			"annotations": all,
		},
		"data": map[string]string{"key": value},
	})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return string(text)
}

// StatusOf is what a source says of how far its mirrors are.
func StatusOf(o *unstructured.Unstructured) string { return o.GetAnnotations()[domain+"sync-status"] }

// HasStatus is the check of a source that says just that.
func HasStatus(want string) Check {
	return func(o *unstructured.Unstructured) error {
		if got := StatusOf(o); got != want {
			return fmt.Errorf("its status is %q, want %q", got, want)
		}
		return nil
	}
}
