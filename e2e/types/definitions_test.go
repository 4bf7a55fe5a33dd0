package types

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// anything is the schema of a kind that takes whatever it is given.
const anything = "{type: object, x-kubernetes-preserve-unknown-fields: true}"

// version is one version of a kind, as a definition lists it.
type version struct {
	name    string
	schema  string // anything, if it is empty
	storage bool
	hidden  bool   // not served
	extra   string // more fields, in YAML's flow style, each after a comma
}

// v1 is the one version of a kind that has nothing special about it.
var v1 = version{name: "v1", storage: true}

// definition is a CustomResourceDefinition, for Env.Apply. The resource is the
// kind in lower case with an s.
func definition(kind, group string, versions ...version) string {
	var list []string
	for _, v := range versions {
		if v.schema == "" {
			v.schema = anything
		}
		list = append(list, fmt.Sprintf("{name: %s, served: %t, storage: %t, schema: {openAPIV3Schema: %s}%s}", v.name, !v.hidden, v.storage, v.schema, v.extra))
	}
	plural := strings.ToLower(kind) + "s"
	return fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %s.%s}
spec:
  group: %[2]s
  scope: Namespaced
  names: {plural: %[1]s, kind: %[3]s}
  versions: [%[4]s]
`, plural, group, kind, strings.Join(list, ", "))
}

// definitionOf names the definition of a kind.
func definitionOf(kind, group string) kit.Ref {
	return kit.Object("CustomResourceDefinition.v1.apiextensions.k8s.io", "", strings.ToLower(kind)+"s."+group)
}

// established is the check of a definition whose kind is served.
func established(o *unstructured.Unstructured) error {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range conditions {
		condition, _ := item.(map[string]any)
		if condition["type"] == "Established" && condition["status"] == "True" {
			return nil
		}
	}
	return errors.New("it is not established")
}
