package mirror

import (
	"fmt"
	"strings"

	"github.com/gobwas/glob"
)

// maxPattern bounds the length of one item, in bytes; no namespace and no
// metadata key is longer.
const maxPattern = 317

// Patterns is a list of names and globs. In a glob, `*` stands for any number of
// characters and `?` for one; nothing else is special.
type Patterns struct {
	names map[string]bool
	globs []*glob.Pattern
}

// ParsePatterns reads a comma list. Blanks around items and empty items don't
// count. Allowed are, beside `*` and `?`, the characters for which allowed is
// true; an error names the first item that has another one.
func ParsePatterns(list string, allowed func(rune) bool) (Patterns, error) {
	var p Patterns
	for _, item := range splitList(list) {
		if err := p.add(item, allowed); err != nil {
			return Patterns{}, err
		}
	}
	return p, nil
}

func (p *Patterns) add(item string, allowed func(rune) bool) error {
	if len(item) > maxPattern {
		return fmt.Errorf("an item of %d characters; the most is %d", len(item), maxPattern)
	}
	for _, r := range item {
		if r != '*' && r != '?' && !allowed(r) {
			return fmt.Errorf("%q has a character that can't be in a name or glob: %q", item, r)
		}
	}
	if !strings.ContainsAny(item, "*?") {
		if p.names == nil {
			p.names = map[string]bool{}
		}
		p.names[item] = true
		return nil
	}
	g, err := glob.Compile(item)
	if err != nil {
		return fmt.Errorf("%q can't be read as a glob", item)
	}
	p.globs = append(p.globs, g)
	return nil
}

// Match says whether one of the items matches the whole of s.
func (p Patterns) Match(s string) bool {
	if p.names[s] {
		return true
	}
	for _, g := range p.globs {
		if g.Match(s) {
			return true
		}
	}
	return false
}

// Empty says whether there are no items.
func (p Patterns) Empty() bool { return len(p.names) == 0 && len(p.globs) == 0 }

// InNamespaceName says whether a character can be in a namespace's name.
func InNamespaceName(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-'
}

// InMetadataKey says whether a character can be in a label's or annotation's key.
func InMetadataKey(r rune) bool {
	return InNamespaceName(r) || r >= 'A' && r <= 'Z' || r == '.' || r == '/' || r == '_'
}

func splitList(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
