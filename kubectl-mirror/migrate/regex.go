package migrate

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/lukaszraczylo/kubemirror/pattern"
)

// asks is what a list of the old system's patterns asks for, in our words.
type asks struct {
	items []string
	notes []string
	// unreadable says that there is a pattern of which not even today's matches are known.
	unreadable bool
}

// all reports whether every namespace is asked for.
func (a asks) all() bool { return slices.Contains(a.items, "all") }

// reading is how a system reads a regular expression.
type reading int

const (
	wholeName    reading = iota // it has to match the whole of a name
	startOfAName                // it has to match the beginning
)

// fromRegexes translates regular expressions. One that is no glob becomes the names that
// match now.
func (c *Cluster) fromRegexes(key string, list []string, how reading, source string) asks {
	var a asks
	for _, expr := range list {
		if expr = strings.TrimSpace(expr); expr == "" {
			continue
		}
		parsed, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			a.unreadable = true
			a.notes = append(a.notes, fmt.Sprintf("%s: %q can't be read here, so it is left out; the namespaces where its copies are now are named instead", key, expr))
			continue
		}
		if glob, ok := globOf(parsed, how); ok {
			a.items = append(a.items, glob)
			continue
		}
		matches := regexp.MustCompile("^(?:" + expr + ")" + map[reading]string{wholeName: "$"}[how])
		names := c.names(source, matches.MatchString)
		a.items = append(a.items, names...)
		a.notes = append(a.notes, fmt.Sprintf("%s: %q is no glob, so it becomes the %s that match now; namespaces that come later are not followed", key, expr, count(len(names), "name")))
	}
	a.items = unique(a.items)
	return a
}

// globOf is the name or glob that matches the same namespaces, if there is one.
func globOf(expr *syntax.Regexp, how reading) (string, bool) {
	parts := []*syntax.Regexp{expr}
	for len(parts) == 1 && (parts[0].Op == syntax.OpConcat || parts[0].Op == syntax.OpCapture) {
		parts = parts[0].Sub
	}
	if n := len(parts); n > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	}
	open := how == startOfAName
	if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
		parts, open = parts[:n-1], false
	}
	text, ok := globParts(parts)
	if !ok {
		return "", false
	}
	if open {
		text += "*"
	}
	for strings.Contains(text, "**") {
		text = strings.ReplaceAll(text, "**", "*")
	}
	if text == "*" {
		return "all", true
	}
	return text, text != ""
}

func globParts(parts []*syntax.Regexp) (string, bool) {
	var glob strings.Builder
	for _, part := range parts {
		text, ok := globPart(part)
		if !ok {
			return "", false
		}
		glob.WriteString(text)
	}
	return glob.String(), true
}

func globPart(part *syntax.Regexp) (string, bool) {
	switch part.Op {
	case syntax.OpEmptyMatch:
		return "", true
	case syntax.OpLiteral:
		text := string(part.Rune)
		return text, part.Flags&syntax.FoldCase == 0 && !strings.ContainsFunc(text, func(r rune) bool { return !pattern.InNamespaceName(r) })
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpCharClass:
		return "?", isAny(part)
	case syntax.OpStar:
		return "*", isAny(part.Sub[0])
	case syntax.OpPlus:
		return "?*", isAny(part.Sub[0])
	case syntax.OpCapture, syntax.OpConcat:
		return globParts(part.Sub)
	}
	return "", false
}

// isAny reports whether an expression matches any one character that a name can have.
func isAny(expr *syntax.Regexp) bool {
	switch expr.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	case syntax.OpCharClass:
		for r := '-'; r <= 'z'; r++ {
			if pattern.InNamespaceName(r) && !inClass(expr.Rune, r) {
				return false
			}
		}
		return true
	}
	return false
}

// inClass looks a character up in a class, which is a list of first and last ones.
func inClass(class []rune, r rune) bool {
	for i := 0; i+1 < len(class); i += 2 {
		if class[i] <= r && r <= class[i+1] {
			return true
		}
	}
	return false
}

// unique drops what is there already, and keeps the order. Beside "all", nothing that is
// asked for says anything.
func unique(items []string) []string {
	all := slices.Contains(items, "all")
	var kept []string
	for _, item := range items {
		if said := all && item != "all" && !strings.HasPrefix(item, "!"); !said && !slices.Contains(kept, item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// count is a number of things, as "1 copy" and "2 copies".
func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case thing == "copy":
		return fmt.Sprintf("%d copies", n)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
