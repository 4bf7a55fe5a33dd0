package transform

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lukaszraczylo/kubemirror/pattern"
)

// keepList is the keys of a map that stay: names and globs.
type keepList struct {
	pattern.List
	// ours says that an item is for keys of KubeMirror's.
	ours bool
	// globs is how many bytes the globs take: matching costs by their length.
	globs int
	// unbounded says that one of the items matches every key.
	unbounded bool
}

// keepListOf reads the list of a rule. What can't be read as a name or glob is refused
// as a whole, and so is an empty list: an item less would leave out what is wanted, and
// one in another language (a regular expression, a "!") means something else.
func keepListOf(n *yaml.Node) (*keepList, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, lineError(n, "keep takes a list of names and globs, of one at least; to take all away, say delete: true")
	}
	l := new(keepList)
	for _, item := range n.Content {
		text, err := textOf(item)
		if err != nil {
			return nil, err
		}
		if text == "" || l.Add(text, pattern.InMetadataKey) != nil { // its error would quote the item
			return nil, lineError(item, "an item of keep is no name or glob: those have letters, digits, -, ., _, /, * and ?, and 317 characters at most")
		}
		if strings.ContainsAny(text, "*?") {
			l.globs += len(text)
		}
		l.ours = l.ours || strings.HasPrefix(text, domain)
		l.unbounded = l.unbounded || strings.Contains(text, "*") && strings.Trim(text, "*?") == ""
	}
	return l, nil
}

var (
	errNoMapToKeep = errors.New(`keep needs a map, and there is nothing; check the path, or say "optional: true" if it need not be there`)
	errKeepNoMap   = errors.New("keep needs a map there, and there is something else")
)

// keepKeys takes all keys out of a map but those of the list. Any error but that a name
// isn't there means that more would go out than the rule lets.
func (e *editing) keepKeys(r rule) error {
	at := e.data.place(r.path)
	found, _, err := find(e.object, at)
	if err != nil {
		return err
	}
	if found == nil && r.optional {
		return nil
	}
	if found == nil {
		return errNoMapToKeep
	}
	all, isMap := found.(map[string]any)
	if !isMap {
		return errKeepNoMap
	}
	kept, err := r.keep.of(all, newAllowance(e.rules.limits, e.rules.now, &e.output))
	if err != nil {
		return err
	}
	if at[0].key == "metadata" { // KubeMirror's own can't be touched
		maps.Copy(kept, ownKeys(all))
	}
	e.put(at, setValue, kept)
	for _, name := range r.keep.Names() {
		if _, there := kept[name]; !there {
			return r.missing(fmt.Sprintf("there is no key %q to keep", name))
		}
	}
	return nil
}

// of is the part of a map that the list keeps.
func (l *keepList) of(all map[string]any, a *allowance) (map[string]any, error) {
	kept := map[string]any{}
	for key, value := range all {
		if err := a.work(1 + l.globs*len(key)/bytesPerStep); err != nil {
			return nil, errors.New("keep takes longer than the time limit: name fewer globs")
		}
		if l.Match(key) {
			kept[key] = value
		}
	}
	return kept, nil
}

func ownKeys(all map[string]any) map[string]any {
	own := map[string]any{}
	for key, value := range all {
		if strings.HasPrefix(key, domain) {
			own[key] = value
		}
	}
	return own
}

// Keeps reports whether the rules say, whatever the target, which keys of the map at a
// path of the object may go out: what it gets under another key later doesn't. It takes a
// keep rule there for all namespaces, with a list that doesn't match everything, and behind
// it no rule that copies a whole map there. What later rules put under a key of that map is
// their author's explicit word.
//
// Data and stringData are the same place in a Secret, and in nothing else.
func (r Rules) Keeps(object map[string]any, at string) bool {
	wanted, err := parsePath(at)
	if err != nil {
		return false
	}
	data := dataKindOf(object)
	wanted = data.place(wanted)
	bounded := false
	for _, one := range r.rules {
		to := data.place(one.path)
		switch {
		case one.action == keepKeys && slices.Equal(to, wanted) && !one.keep.unbounded && one.isForAll():
			bounded = true
		case one.action == copyFrom && len(to) <= len(wanted) && to.overlaps(wanted):
			bounded = false
		}
	}
	return bounded
}
