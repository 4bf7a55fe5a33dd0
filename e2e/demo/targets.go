package main

import (
	"path"
	"slices"
	"strings"
)

// targets resolves what a source asks for, among the namespaces that there are,
// given with whether each takes part in "all-labeled". It is a second opinion:
// what kubemirror does is measured by it.
func targets(asks, home string, namespaces map[string]bool) []string {
	wanted, refused := map[string]bool{}, map[string]bool{}
	for item := range strings.SplitSeq(asks, ",") {
		pattern, out := strings.CutPrefix(strings.TrimSpace(item), "!")
		for name, labeled := range namespaces {
			// A pattern that can't be read fits nothing.
			fits, _ := path.Match(pattern, name)
			if fits || pattern == "all" || pattern == "all-labeled" && labeled {
				wanted[name] = wanted[name] || !out
				refused[name] = refused[name] || out
			}
		}
	}
	var names []string
	for name := range wanted {
		if wanted[name] && !refused[name] && name != home {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
