package mirror

import (
	"encoding/json"
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

// isBuiltin reports whether a group is Kubernetes' own. Its types omit what is empty,
// so that an empty map or list in the tree stands for one that is written as a whole.
// In a custom kind it may be one whose parts somebody has taken away.
func isBuiltin(group string) bool {
	prefix, isAPI := strings.CutSuffix(group, ".k8s.io")
	return slices.Contains(builtinGroups, group) || isAPI && builtinAPIs[prefix]
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
	return c.value(child, value)
}

// isNothing reports whether a field is one that the server lists nowhere, though it shows
// it: the metadata of a template in which there is nothing.
func isNothing(key string, value any) bool {
	fields, ok := value.(map[string]any)
	return ok && key == "metadata" && len(fields) == 0
}

func (c coverage) value(text json.RawMessage, value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return c.fields(text, value)
	case []any:
		return c.items(text, value)
	}
	return true
}

func (c coverage) fields(text json.RawMessage, fields map[string]any) bool {
	tree, ok := parseFields(text)
	if !ok || len(tree) == 0 {
		return ok && (c.builtin || len(fields) == 0)
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
		i := slices.IndexFunc(paths, func(path string) bool { return isItem(path, item) && c.value(tree[path], item) })
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
