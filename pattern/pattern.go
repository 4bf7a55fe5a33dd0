// Package pattern matches names by lists of names and globs, as flags, annotations
// and rules have them. In a glob, `*` stands for any number of characters and `?`
// for one; nothing else is special.
package pattern

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gobwas/glob"
)

// maxItem bounds the length of one item, in bytes; no namespace and no metadata key
// is longer.
const maxItem = 317

// List is a list of names and globs. The zero List is empty.
type List struct {
	names map[string]bool
	globs []*glob.Pattern
}

// Parse reads a comma list. Blanks around items and empty items don't count.
// Beside `*` and `?`, it may hold the characters for which allowed is true; an error
// names the first item that holds another one.
func Parse(list string, allowed func(rune) bool) (List, error) {
	var l List
	for _, item := range Split(list) {
		if err := l.Add(item, allowed); err != nil {
			return List{}, err
		}
	}
	return l, nil
}

// Add adds one name or glob.
func (l *List) Add(item string, allowed func(rune) bool) error {
	if len(item) > maxItem {
		return fmt.Errorf("an item of %d characters; the most is %d; items are separated by commas", len(item), maxItem)
	}
	for _, r := range item {
		if r != '*' && r != '?' && !allowed(r) {
			return fmt.Errorf("%q has a character that can't be in a name or glob: %q%s", item, r, slip(item, allowed))
		}
	}
	if !strings.ContainsAny(item, "*?") {
		if l.names == nil {
			l.names = map[string]bool{}
		}
		l.names[item] = true
		return nil
	}
	g, err := glob.Compile(item)
	if err != nil {
		return fmt.Errorf("%q can't be read as a glob", item)
	}
	l.globs = append(l.globs, g)
	return nil
}

// Match reports whether one of the items matches the whole of s.
func (l List) Match(s string) bool {
	if l.names[s] {
		return true
	}
	for _, g := range l.globs {
		if g.Match(s) {
			return true
		}
	}
	return false
}

// HasName reports whether a name is among the items as it is.
func (l List) HasName(name string) bool { return l.names[name] }

// Names returns the items that are names, in their order.
func (l List) Names() []string { return slices.Sorted(maps.Keys(l.names)) }

// HasGlobs reports whether one of the items is a glob.
func (l List) HasGlobs() bool { return len(l.globs) > 0 }

// Empty reports whether there are no items.
func (l List) Empty() bool { return len(l.names) == 0 && len(l.globs) == 0 }

// Split returns the items of a comma list, without blanks around them and without
// empty ones.
func Split(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// InNamespaceName reports whether a character can be in a namespace's name.
func InNamespaceName(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-'
}

// InMetadataKey reports whether a character can be in a label's or annotation's key.
func InMetadataKey(r rune) bool {
	return InNamespaceName(r) || r >= 'A' && r <= 'Z' || r == '.' || r == '/' || r == '_'
}
