// Command example writes a page of a cluster that is made up, for the test in a real browser
// and for the picture in the README.
//
//	go run ./kubectl-mirror/page/example > page.html
//	go run ./kubectl-mirror/page/example -sources 500 -mirrors 12 > page.html
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/page"
)

// now is the time of the example; it is always the same, so that its page is.
var now = time.Date(2026, time.March, 4, 9, 30, 0, 0, time.UTC)

func main() {
	sources := flag.Int("sources", 0, "so many sources, all alike, in place of the few realistic ones")
	mirrors := flag.Int("mirrors", 12, "so many mirrors of each")
	flag.Parse()
	reports := few()
	if *sources > 0 {
		reports = many(*sources, *mirrors)
	}
	about := page.About{Title: "Sources of all namespaces", Flags: "the Deployment kubemirror-system/kubemirror", Made: now}
	if err := page.Render(os.Stdout, reports, about); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fine are the checks of a source with which all is well.
var fine = []explain.Check{
	{Name: "type", State: explain.OK, Text: "Secret is mirrored"},
	{Name: "label", State: explain.OK, Text: `enabled is "true"`},
	{Name: "annotation", State: explain.OK, Text: `sync is "true"`},
	{Name: "readable", State: explain.OK, Text: "all that it asks for can be read"},
	{Name: "source", State: explain.OK, Text: "its namespace is a source namespace"},
}

func newSource(resource, kind, namespace, name string, targets ...explain.Target) explain.Report {
	return explain.Report{
		Type: kind, Resource: resource, Namespace: namespace, Name: name, Checks: fine, Targets: targets, Changed: now.Add(-90 * time.Minute),
	}
}

// at is a mirror in sync.
func at(namespace, name string) explain.Target {
	return explain.Target{Namespace: namespace, Outcome: explain.InSync, Mirror: name, Action: "none", Since: now.Add(-26 * time.Hour)}
}

// not is one that isn't.
func not(outcome explain.Outcome, namespace, name, action, why, do string, late time.Duration) explain.Target {
	t := explain.Target{
		Namespace: namespace, Outcome: outcome, Mirror: name, Action: action, Why: why,
		Checks: []explain.Check{{Name: "decides", State: explain.No, Text: why, Do: do}},
	}
	if late > 0 && !t.Right() {
		t.Late = now.Add(-late)
	}
	return t
}
