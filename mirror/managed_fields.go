package mirror

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The server's record of what somebody wrote is a tree in the form of FieldsV1
// (sigs.k8s.io/structured-merge-diff/v6/fieldpath, serialize.go): "f:name" is a field,
// "k:{…}" the item of a list with these keys, "v:…" that of a set, "." the thing
// itself. Whatever an Update by anybody takes away leaves the trees of all others
// (merge/update.go); so the one that has all of what we wrote shows that it is there.

// fieldTree is one level of it.
type fieldTree map[string]json.RawMessage

func parseFields(text []byte) (tree fieldTree, ok bool) {
	return tree, json.Unmarshal(text, &tree) == nil
}

// mergedFields is what several lists of one author have between them.
func mergedFields(authors []author) string {
	if len(authors) == 1 {
		return string(authors[0].raw)
	}
	merged := map[string]any{}
	for _, a := range authors {
		var tree map[string]any
		if json.Unmarshal(a.raw, &tree) == nil {
			mergeTrees(merged, tree)
		}
	}
	text, _ := json.Marshal(merged)
	return string(text)
}

// maxFields bounds what is kept of such a list, in bytes: some hundreds of keys are within
// it. Anybody may write in our name, and as many fields as fit into an object.
const maxFields = 8 << 10

// boundedFields is a list of fields, or one that stands for it: two of them are the same
// where the lists were, in metadata and beside it. It has none of the content, so that a
// mirror that has it is read before it is believed to be right.
func boundedFields(text string) string {
	if len(text) <= maxFields {
		return text
	}
	digest := func(text string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"f:%x":{}}`, sha256.Sum256([]byte(text))))
	}
	short, _ := json.Marshal(fieldTree{"f:metadata": digest(text), "f:": digest(contentFields(text))})
	return string(short)
}

func mergeTrees(into, tree map[string]any) {
	for path, part := range tree {
		under, has := into[path].(map[string]any)
		if part, ok := part.(map[string]any); ok && has {
			mergeTrees(under, part)
		} else if !has {
			into[path] = part
		}
	}
}

// contentFields is what a list of fields has beside metadata and status.
func contentFields(text string) string {
	tree, _ := parseFields([]byte(text))
	delete(tree, "f:metadata")
	delete(tree, "f:status")
	rest, _ := json.Marshal(tree) // by key, so that equal ones look alike
	return string(rest)
}

// builtinGroups are the API groups of Kubernetes itself that don't end in k8s.io.
var builtinGroups = []string{"", "apps", "batch", "autoscaling", "policy", "extensions"}

// isBuiltin reports whether a group is Kubernetes' own.
func isBuiltin(group string) bool {
	prefix, isAPI := strings.CutSuffix(group, ".k8s.io")
	return slices.Contains(builtinGroups, group) || isAPI && builtinAPIs[prefix]
}

// atomic has the fields of Kubernetes' own kinds that are maps and written as a whole,
// so that an empty tree stands for all of one. Elsewhere it may be one whose parts
// somebody has taken away.
var atomic = map[string]bool{
	"selector": true, "labelSelector": true, "podSelector": true, "namespaceSelector": true, "objectSelector": true, "nodeSelector": true,
	"configMapKeyRef": true, "secretKeyRef": true, "fieldRef": true, "resourceFieldRef": true, "scaleTargetRef": true,
}

// builtinAPIs are those that end in k8s.io: custom kinds may do so too.
var builtinAPIs = map[string]bool{
	"admissionregistration": true, "apiregistration": true, "authentication": true, "authorization": true, "rbac.authorization": true,
	"certificates": true, "coordination": true, "discovery": true, "events": true, "flowcontrol.apiserver": true,
	"internal.apiserver": true, "networking": true, "node": true, "resource": true, "scheduling": true, "storage": true, "storagemigration": true,
}

// covers reports whether a tree has all of some content.
func covers(text string, content map[string]any, kind schema.GroupVersionKind) bool {
	tree, ok := parseFields([]byte(text))
	if !ok {
		return false
	}
	c := coverage{builtin: isBuiltin(kind.Group)}
	for key, value := range content {
		if !c.field(tree, key, value) {
			return false
		}
	}
	return true
}

type coverage struct{ builtin bool }

func (c coverage) field(tree fieldTree, key string, value any) bool {
	child, ok := tree["f:"+key]
	if !ok {
		return isNothing(key, value)
	}
	return c.value(child, value, c.builtin && atomic[key])
}

// isNothing reports whether a field is one that the server lists nowhere, though it shows
// it: the metadata of a template in which there is nothing.
func isNothing(key string, value any) bool {
	fields, ok := value.(map[string]any)
	return ok && key == "metadata" && len(fields) == 0
}

// value compares a value with its part of the tree; whole says that a map has none, since
// it is written as a whole.
func (c coverage) value(text json.RawMessage, value any, whole bool) bool {
	switch value := value.(type) {
	case map[string]any:
		return c.fields(text, value, whole)
	case []any:
		return c.items(text, value)
	}
	return true
}

func (c coverage) fields(text json.RawMessage, fields map[string]any, whole bool) bool {
	tree, ok := parseFields(text)
	if !ok || len(tree) == 0 {
		return ok && (whole || len(fields) == 0)
	}
	for key, value := range fields {
		if !c.field(tree, key, value) {
			return false
		}
	}
	return true
}

// items compares a list: one that is written as a whole has no parts in the tree.
func (c coverage) items(text json.RawMessage, items []any) bool {
	tree, ok := parseFields(text)
	delete(tree, ".")
	if !ok || len(tree) == 0 {
		return ok
	}
	if len(tree) != len(items) {
		return false // some were taken away, or are there twice
	}
	paths := slices.Collect(maps.Keys(tree))
	for _, item := range items {
		i := slices.IndexFunc(paths, func(path string) bool { return isItem(path, item) && c.value(tree[path], item, false) })
		if i < 0 {
			return false
		}
		paths = slices.Delete(paths, i, i+1)
	}
	return true
}

// isItem reports whether a path names an item of a list. A key that the item doesn't
// have was filled in by the server.
func isItem(path string, item any) bool {
	kind, text, _ := strings.Cut(path, ":")
	switch kind {
	case "v":
		encoded, err := json.Marshal(item)
		return err == nil && string(encoded) == text
	case "k":
		fields, ok := item.(map[string]any)
		var keys map[string]any
		if !ok || json.Unmarshal([]byte(text), &keys) != nil {
			return false
		}
		for key, value := range keys {
			if has, ok := fields[key]; ok && !sameScalar(has, value) {
				return false
			}
		}
		return true
	}
	return false // "i:", by number, is used nowhere
}

// sameScalar compares values of which one may be an integer, and the other the same as
// a float.
func sameScalar(a, b any) bool {
	one, errA := json.Marshal(a)
	other, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(one) == string(other)
}
