package transform

import (
	"fmt"
	"slices"
	"strings"
)

// topLevel has the top-level fields, beside metadata, of the built-in kinds that have
// others than spec.
var topLevel = map[string][]string{
	"v1 Secret":                                {"data", "stringData", "type", "immutable"},
	"v1 ConfigMap":                             {"data", "binaryData", "immutable"},
	"v1 ServiceAccount":                        {"secrets", "imagePullSecrets", "automountServiceAccountToken"},
	"v1 PodTemplate":                           {"template"},
	"rbac.authorization.k8s.io/v1 Role":        {"rules"},
	"rbac.authorization.k8s.io/v1 RoleBinding": {"subjects", "roleRef"},
}

// Check refuses rules whose path starts with a field that objects of the kind don't
// have, such as Data or spec.data of a Secret: they would change nothing, and what
// they are to take out would go out (I10). Of other kinds than the built-in ones it
// knows spec and what the object has; a rule that is optional may name more.
func (r Rules) Check(object map[string]any) error {
	kind, _ := object["kind"].(string)
	apiVersion, _ := object["apiVersion"].(string)
	known, builtIn := topLevel[apiVersion+" "+kind]
	data := dataKindOf(object)
	for i, one := range r.rules {
		for _, top := range one.topLevel() {
			_, there := object[top]
			switch {
			case top == "metadata", slices.Contains(known, top):
			case builtIn:
				return fmt.Errorf("reading rule %d%s: a %s has no field %q; it has metadata, %s", i+1, one.where(), kind, top, strings.Join(known, ", "))
			case !there && top != "spec" && !one.optional:
				return fmt.Errorf("reading rule %d%s: this %s has no field %q; check the path, or say \"optional: true\" if it need not be there", i+1, one.where(), kind, top)
			}
		}
		if one.action == copyFrom && data.place(one.from).overlaps(data.place(one.path)) {
			return fmt.Errorf("reading rule %d%s: %w", i+1, one.where(), errOverlap)
		}
	}
	return nil
}

// topLevel has the fields that the rule's paths start with.
func (r rule) topLevel() []string {
	if r.action == copyFrom {
		return []string{r.path[0].key, r.from[0].key}
	}
	return []string{r.path[0].key}
}
