package install

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// guide is docs/troubleshooting.md, as its readers follow it: section by section.
type guide struct {
	sections []section
	// links are those to other sections, and to other files.
	links []string
}

// section is a trouble, with what to do about it.
type section struct {
	title string
	steps []step
}

// step is a block of commands. One that is followed by what it prints is a look,
// which may be taken again; any other is done once.
type step struct {
	commands string
	prints   []string
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

func readGuide(t testing.TB) guide {
	t.Helper()
	text, err := os.ReadFile(path(t, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	var g guide
	var block []string
	fence := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		begins, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && fence == "":
			fence, block = "```"+begins, nil
		case isFence:
			g.add(fence, block)
			fence = ""
		case fence != "":
			block = append(block, line)
		default:
			if title, ok := strings.CutPrefix(line, "### "); ok {
				g.sections = append(g.sections, section{title: title})
			}
			for _, found := range link.FindAllStringSubmatch(line, -1) {
				g.links = append(g.links, found[1])
			}
		}
	}
	return g
}

// add takes in a block of code: commands, or what the last commands print.
func (g *guide) add(fence string, block []string) {
	s := &g.sections[len(g.sections)-1]
	if fence == "```sh" {
		s.steps = append(s.steps, step{commands: strings.Join(block, "\n")})
	} else {
		s.steps[len(s.steps)-1].prints = block
	}
}

// anchor is the name by which a title is linked to.
func anchor(title string) string {
	kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(title), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// matches says how what was printed differs from what the text shows: "…" stands for
// any text within a line, and for any lines where it is one by itself. Columns may
// be as wide as they like.
func matches(want []string, printed string) error {
	var pattern strings.Builder
	pattern.WriteString("^")
	for _, line := range want {
		if line = strings.Join(strings.Fields(line), " "); line == "…" {
			pattern.WriteString(`(.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "\n")
	}
	var got strings.Builder
	for line := range strings.Lines(printed) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			got.WriteString(line + "\n")
		}
	}
	if !regexp.MustCompile(pattern.String() + "$").MatchString(got.String()) {
		return fmt.Errorf("it prints\n%s\nand the text shows\n%s", got.String(), strings.Join(want, "\n"))
	}
	return nil
}
