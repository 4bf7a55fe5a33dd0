package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// Targets is what a source asks for: the namespaces of target-namespaces and
// target-selector.
type Targets struct {
	// text is the two annotations as they were; equal texts match alike.
	text        string
	wanted      choice
	unwanted    choice
	selector    labels.Selector // nil: none
	onlyByNames bool
}

// choice is the items of one sign.
type choice struct {
	patterns        Patterns
	all, allLabeled bool
}

func (c choice) matches(ns *Namespace) bool {
	return c.all ||
		c.allLabeled && ns.Labels[labelAllowMirrors] == "true" ||
		c.patterns.Match(ns.Name)
}

// ParseTargets reads the annotations target-namespaces and target-selector
// (contract, "On a source, written by users").
//
// An item that can't be read is one problem and the others count, but for an
// item with `!`: without it the object would go where its author said that it must
// not, so that is an error of the whole, as a selector is that can't be read.
func ParseTargets(list, selector string) (t Targets, problems []string, err error) {
	t.text = list + "|" + selector
	for _, item := range splitList(list) {
		taken, negative := strings.CutPrefix(item, "!")
		choice := &t.wanted
		if negative {
			choice = &t.unwanted
		}
		switch itemErr := choice.add(strings.TrimSpace(taken)); {
		case itemErr == nil:
		case negative:
			return Targets{}, nil, fmt.Errorf("%s: %w; nothing is mirrored while an exclusion can't be read", annotationTargetNamespaces, itemErr)
		default:
			problems = append(problems, fmt.Sprintf("%s: %v", annotationTargetNamespaces, itemErr))
		}
	}
	if strings.TrimSpace(selector) != "" {
		if t.selector, err = labels.Parse(selector); err != nil {
			return Targets{}, nil, fmt.Errorf("%s: %w; write it as for kubectl -l", annotationTargetSelector, err)
		}
	}
	t.onlyByNames = t.selector == nil && !t.wanted.all && !t.wanted.allLabeled && len(t.wanted.patterns.globs) == 0
	return t, problems, nil
}

func (c *choice) add(item string) error {
	switch item {
	case "":
		return errors.New(`"!" takes away nothing; write a name or glob behind it`)
	case "all":
		c.all = true
	case "all-labeled":
		c.allLabeled = true
	default:
		return c.patterns.add(item, InNamespaceName)
	}
	return nil
}

// Match says whether the source asks for this namespace.
func (t *Targets) Match(ns *Namespace) bool {
	asked := t.wanted.matches(ns) || t.selector != nil && t.selector.Matches(ns.Labels)
	return asked && !t.unwanted.matches(ns)
}

// names are the namespaces that are asked for by their exact names.
func (t *Targets) names() []string {
	names := make([]string, 0, len(t.wanted.patterns.names))
	for name := range t.wanted.patterns.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
