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
	errMetadata = errors.New("of metadata, only labels and annotations can be touched, by merge, keep or by a key below them")
	errOverlap  = errors.New("path and from lead to the same place, or one into the other: name two places")
	errTextOnly = errors.New(`labels and annotations hold text: put the value in quotes, and a key that has dots as in metadata.annotations["a.b/c"]`)
)

// checkProtected refuses a rule that would change what makes a mirror what it
// is: its type, name and namespace, its other bookkeeping in metadata, and
// every key of KubeMirror's own. Status is refused too: it isn't mirrored, so
// such a rule could do nothing. Replacing or deleting something that holds a
// protected key counts as changing that key.
func checkProtected(r rule) error {
	if r.path.hasDomainKey() || r.keep != nil && r.keep.ours || holdsDomainKey(r.value) {
		return errDomain
	}
	if r.action == copyFrom {
		if err := checkReadable(r); err != nil {
			return err
		}
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
		if r.action == keepKeys {
			return nil
		}
		if r.action != mergeMap {
			return errMetadata
		}
		if _, ok := textsOf(r.value); !ok {
			return errTextOnly
		}
		return nil
	}
	switch {
	case len(r.path) > 3, r.path[2].isIndex, r.action == mergeMap, r.action == keepKeys:
		return errTextOnly
	case r.action == setValue && !isText(r.value):
		return errTextOnly
	}
	return nil
}

// checkReadable refuses a place that can't be copied from, or not to there. Of metadata
// and status mirrors are made without all but labels and annotations.
func checkReadable(r rule) error {
	p := r.from
	switch top := p[0].key; {
	case p.hasDomainKey():
		return errDomain
	case top == "apiVersion", top == "kind", top == "status":
		return fmt.Errorf("%s can't be copied from", top)
	case top == "metadata" && (len(p) < 2 || len(p) > 3 || p[1].key != "labels" && p[1].key != "annotations" || len(p) == 3 && p[2].isIndex):
		return errors.New("of metadata, only labels and annotations can be copied from")
	case top == "metadata" && len(p) == 2 && r.move:
		return errors.New("labels and annotations are moved key by key")
	case p.overlaps(r.path):
		return errOverlap
	}
	return nil
}

func (p path) hasDomainKey() bool {
	return slices.ContainsFunc(p, func(s segment) bool { return strings.HasPrefix(s.key, domain) })
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
