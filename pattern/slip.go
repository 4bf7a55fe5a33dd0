package pattern

import (
	"fmt"
	"regexp"
	"strings"
)

// slips are what people write where a name or glob is to be, and what they are told. The
// policies of the chart have the same expressions and words (kubemirror.slip): who is
// refused by the API server reads no others.
var slips = []struct {
	looks *regexp.Regexp
	told  string
	// fits says where it counts: a list of keys takes upper case and full stops.
	fits func(allowed func(rune) bool) bool
}{
	{regexp.MustCompile(`[\x{2018}-\x{201f}\x{ab}\x{bb}\x{2039}\x{203a}]`), "these are typographic quotes: write it without any", everywhere},
	{regexp.MustCompile("['\"`]"), "write it without quotes", everywhere},
	{regularExpression, "it looks like a regular expression: write names, or globs where * stands for any characters and ? for one", everywhere},
	{regexp.MustCompile(`[\[\]{}]`), "brackets mean nothing here: write each name, between commas", everywhere},
	{regexp.MustCompile(`[;\s\x{a0}\x{ff0c}\x{3001}\x{ff1b}]`), "items are separated by commas", everywhere},
	{regexp.MustCompile(`\.`), "a namespace has no full stop in its name", func(allowed func(rune) bool) bool { return !allowed('.') }},
	{regexp.MustCompile(`[A-Z]`), "a namespace's name is in lower case", func(allowed func(rune) bool) bool { return !allowed('A') }},
}

var (
	regularExpression = regexp.MustCompile(`^\^|\$$|[|\\+]|\.\*|\(\?|\)[*+?]`)
	// plainExpression are those that are a glob in other words.
	plainExpression = regexp.MustCompile(`^\^?([a-z0-9-]|\.[*+]?)+\$?$`)
	asGlob          = strings.NewReplacer("^", "", "$", "", ".*", "*", ".+", "?*", ".", "?")
	inUpperCase     = regexp.MustCompile(`^[A-Za-z0-9*?-]*[A-Z][A-Za-z0-9*?-]*$`)
)

func everywhere(func(rune) bool) bool { return true }

// slip says what an item is that is no name or glob, and what to write instead where that
// is certain. It is empty where neither can be told.
func slip(item string, allowed func(rune) bool) string {
	for _, s := range slips {
		if !s.looks.MatchString(item) || !s.fits(allowed) {
			continue
		}
		switch {
		case s.looks == regularExpression && !allowed('.') && plainExpression.MatchString(item):
			return fmt.Sprintf("; it looks like a regular expression: the glob is %s", asGlob.Replace(item))
		case inUpperCase.MatchString(item):
			return fmt.Sprintf("; %s: write %s", s.told, strings.ToLower(item))
		}
		return "; " + s.told
	}
	return ""
}
