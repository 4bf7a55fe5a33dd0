package transform

import (
	"errors"
	"fmt"
	"strings"
)

// domain is what the keys of KubeMirror itself start with.
const domain = "kubemirror.raczylo.com/"

var (
	errDomain   = errors.New("keys that start with " + domain + " can't be touched")
	errMetadata = errors.New("of metadata, only labels and annotations can be touched, by merge or by a key below them")
	errTextOnly = errors.New(`labels and annotations hold text: put the value in quotes, and a key that has dots as in metadata.annotations["a.b/c"]`)
)

// checkProtected refuses a rule that would change what makes a mirror what it
// is: its type, name and namespace, its other bookkeeping in metadata, and
// every key of KubeMirror's own. Status is refused too: it isn't mirrored, so
// such a rule could do nothing. Replacing or deleting something that holds a
// protected key counts as changing that key.
func checkProtected(r rule) error {
	for _, s := range r.path {
		if strings.HasPrefix(s.key, domain) {
			return errDomain
		}
	}
	if holdsDomainKey(r.value) {
		return errDomain
	}
	switch top := r.path[0].key; top {
	case "apiVersion", "kind", "status":
		return fmt.Errorf("%s can't be touched", top)
	case "metadata":
		return checkMetadata(r)
	}
	return nil
}

// checkMetadata lets labels and annotations through, key by key. Since they
// hold nothing but text, it refuses all else here, for every kind at once.
func checkMetadata(r rule) error {
	if len(r.path) == 1 {
		if r.action != mergeMap {
			return errMetadata
		}
		for key, v := range r.value.(map[string]any) {
			below := rule{path: path{r.path[0], {key: key}}, action: mergeMap, value: v}
			if _, ok := v.(map[string]any); !ok {
				return errMetadata
			}
			if err := checkMetadata(below); err != nil {
				return err
			}
		}
		return nil
	}
	if key := r.path[1].key; key != "labels" && key != "annotations" {
		return errMetadata
	}
	switch {
	case len(r.path) == 2 && r.action != mergeMap:
		return errMetadata
	case len(r.path) == 2 && !isTextMap(r.value):
		return errTextOnly
	case len(r.path) > 3, len(r.path) == 3 && (r.path[2].isIndex || r.action == mergeMap):
		return errTextOnly
	case len(r.path) == 3 && r.action == setValue && !isText(r.value):
		return errTextOnly
	}
	return nil
}

// holdsDomainKey looks for a key of KubeMirror's at any depth of a value.
func holdsDomainKey(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			if strings.HasPrefix(key, domain) || holdsDomainKey(below) {
				return true
			}
		}
	case []any:
		for _, below := range v {
			if holdsDomainKey(below) {
				return true
			}
		}
	}
	return false
}

func isText(value any) bool {
	_, ok := value.(string)
	return ok
}

// isTextMap tells whether value is a map of nothing but text.
func isTextMap(value any) bool {
	m, ok := value.(map[string]any)
	for _, v := range m {
		ok = ok && isText(v)
	}
	return ok
}
