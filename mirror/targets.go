package mirror

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// Targets is what a source asks for: the namespaces of target-namespaces and
// target-selector.
type Targets struct {
	// Text is the two annotations as they were; equal texts match alike.
	Text        string
	wanted      choice
	unwanted    choice
	selector    labels.Selector // nil: none
	OnlyByNames bool
	// unclear says that they can't be read.
	unclear bool
}

const (
	all        = "all"
	allLabeled = "all-labeled"
)

// choice is the items of one sign.
type choice struct {
	patterns        pattern.List
	all, allLabeled bool
}

func (c choice) matches(ns *Namespace) bool {
	return c.all ||
		c.allLabeled && ns.Labels[api.LabelAllowMirrors] == "true" ||
		c.patterns.Match(ns.Name)
}

// The bounds of what a source may ask for. The policy on sources has the same: what
// CEL makes of a list costs the API server the square of its length.
const (
	maxTargetsSize = 8 << 10
	maxTargetItems = 500
)

// ParseTargets reads the annotations target-namespaces and target-selector
// (contract, "On a source, written by users").
//
// What can't be read is an error of the whole, item or selector: to leave an item
// out would take mirrors away for a slip, or send the object where an exclusion
// meant that it must not go (I10).
func ParseTargets(list, selector string) (t Targets, err error) {
	t.Text = list + "|" + selector
	if len(list) > maxTargetsSize {
		return Targets{unclear: true}, fmt.Errorf("%s: it has %d bytes; the most is %d", api.AnnotationTargetNamespaces, len(list), maxTargetsSize)
	}
	if n := strings.Count(list, ",") + 1; n > maxTargetItems {
		return Targets{unclear: true}, fmt.Errorf("%s: it has %d items; the most is %d", api.AnnotationTargetNamespaces, n, maxTargetItems)
	}
	for _, item := range pattern.Split(list) {
		taken, negative := strings.CutPrefix(item, "!")
		choice := &t.wanted
		if negative {
			choice = &t.unwanted
		}
		if err := choice.add(strings.TrimSpace(taken)); err != nil {
			return Targets{unclear: true}, fmt.Errorf("%s: %w", api.AnnotationTargetNamespaces, err)
		}
	}
	if len(selector) > maxTargetsSize {
		return Targets{unclear: true}, fmt.Errorf("%s: it has %d bytes; the most is %d", api.AnnotationTargetSelector, len(selector), maxTargetsSize)
	}
	if strings.TrimSpace(selector) != "" {
		if t.selector, err = labels.Parse(selector); err != nil {
			return Targets{unclear: true}, fmt.Errorf("%s: %w; write it as for kubectl -l", api.AnnotationTargetSelector, err)
		}
	}
	t.OnlyByNames = t.selector == nil && !t.wanted.all && !t.wanted.allLabeled && !t.wanted.patterns.HasGlobs()
	return t, nil
}

func (c *choice) add(item string) error {
	switch item {
	case "":
		return errors.New(`"!" takes away nothing; write a name or glob behind it`)
	case all:
		c.all = true
	case allLabeled:
		c.allLabeled = true
	default:
		if edits(item, allLabeled, maxEdits+1) <= maxEdits {
			return fmt.Errorf("%q is likely misspelt; did you mean %s?", item, allLabeled)
		}
		return c.patterns.Add(item, pattern.InNamespaceName)
	}
	return nil
}

// empty reports whether no namespace is asked for, whatever there are.
func (t *Targets) empty() bool {
	return t.selector == nil && !t.wanted.all && !t.wanted.allLabeled && t.wanted.patterns.Empty()
}

// Match reports whether the source asks for this namespace.
func (t *Targets) Match(ns *Namespace) bool {
	asked := t.wanted.matches(ns) || t.selector != nil && t.selector.Matches(ns.Labels)
	return asked && !t.unwanted.matches(ns)
}

// AsksByName reports whether a namespace is asked for by its exact name.
func (t *Targets) AsksByName(namespace string) bool { return t.wanted.patterns.HasName(namespace) }

// Names are the namespaces that are asked for by their exact names.
func (t *Targets) Names() []string { return t.wanted.patterns.Names() }

// Explain returns the item that asks for a namespace, or the whole selector, and the item
// that takes it away again; each is empty where there is none.
func (t *Targets) Explain(ns *Namespace) (asks, takes string) {
	list, selector, _ := strings.Cut(t.Text, "|")
	for _, item := range pattern.Split(list) {
		var c choice
		taken, negative := strings.CutPrefix(item, "!")
		if err := c.add(strings.TrimSpace(taken)); err != nil || !c.matches(ns) {
			continue
		}
		switch {
		case negative:
			takes = item
		case asks == "":
			asks = item
		}
	}
	if asks == "" && t.selector != nil && t.selector.Matches(ns.Labels) {
		asks = strings.TrimSpace(selector)
	}
	return asks, takes
}
