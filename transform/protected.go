package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
)

// domain is what the keys of KubeMirror itself start with.
const domain = api.Domain + "/"

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
		patch, _ := r.value.(map[string]any)
		for key, v := range patch {
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
	if len(r.path) == 2 {
		if r.action != mergeMap {
			return errMetadata
		}
		if _, ok := textsOf(r.value); !ok {
			return errTextOnly
		}
		return nil
	}
	switch {
	case len(r.path) > 3, r.path[2].isIndex, r.action == mergeMap:
		return errTextOnly
	case r.action == setValue && !isText(r.value):
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
		return slices.ContainsFunc(v, holdsDomainKey)
	}
	return false
}

func isText(value any) bool {
	_, ok := value.(string)
	return ok
}

// textsOf returns a map of nothing but text, or false.
func textsOf(value any) (map[string]string, bool) {
	m, ok := value.(map[string]any)
	texts := make(map[string]string, len(m))
	for key, v := range m {
		text, isText := v.(string)
		texts[key] = text
		ok = ok && isText
	}
	return texts, ok
}
