package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// The annotations of emberstack/kubernetes-reflector.
const (
	reflectorPrefix = "reflector.v1.k8s.emberstack.com/"

	reflectionAllowed   = reflectorPrefix + "reflection-allowed"
	reflectionAuto      = reflectorPrefix + "reflection-auto-enabled"
	allowedNamespaces   = reflectorPrefix + "reflection-allowed-namespaces"
	autoNamespaces      = reflectorPrefix + "reflection-auto-namespaces"
	reflects            = reflectorPrefix + "reflects"
	autoReflects        = reflectorPrefix + "auto-reflects"
	reflectorBySelector = "-selector"
)

// fromReflector reads kubernetes-reflector. A namespace has to be both allowed and asked
// for; each of the two is a list or a selector, and neither means all.
func fromReflector(c *Cluster, o Options) *Plan {
	p := newPlanner("reflector", c, o, reflectorPrefix)
	copies := map[objectID][]Object{}
	for _, o := range c.Objects {
		annotations := o.GetAnnotations()
		source, reflected := parseReflects(o)
		switch {
		case !reflected:
			if r, ours := oursOf(o); ours {
				copies[r] = append(copies[r], o)
			}
		case !isTrue(annotations[autoReflects]):
			p.note(o, "it pulls %s, and KubeMirror has sources push: to have it, let %s name %s in target-namespaces, and delete this one", annotations[reflects], annotations[reflects], o.GetNamespace())
		default:
			copies[source] = append(copies[source], o)
		}
	}
	for _, source := range c.Objects {
		annotations := source.GetAnnotations()
		if annotations[reflects] != "" || !isTrue(annotations[reflectionAllowed]) {
			continue
		}
		if !isTrue(annotations[reflectionAuto]) {
			p.note(source, "it only lets others pull it, which has no counterpart")
			continue
		}
		f := found{source: source, copies: copies[objectOf(source)]}
		delete(copies, objectOf(source))
		f.targets, f.selector = p.reflectorTargets(source)
		p.take(f)
	}
	for _, source := range slices.SortedFunc(maps.Keys(copies), func(a, b objectID) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		for _, o := range copies[source] {
			if o.GetAnnotations()[reflects] != "" {
				p.note(o, "its source %s/%s isn't there or isn't reflected any more, so it is left to you", source.namespace, source.name)
			}
		}
	}
	return &p.Plan
}

// reflectorTargets are the namespaces that are both allowed and asked for.
func (p *planner) reflectorTargets(source Object) (asks, string) {
	allowed, allowedBy := p.reflectorList(source, allowedNamespaces)
	auto, autoBy := p.reflectorList(source, autoNamespaces)
	notes := slices.Concat(allowed.notes, auto.notes)
	both := func(a asks, selector string) (asks, string) {
		a.notes = unique(notes)
		a.unreadable = allowed.unreadable || auto.unreadable
		return a, selector
	}
	switch {
	case allowed.all() && allowedBy == "":
		return both(auto, autoBy)
	case auto.all() && autoBy == "":
		return both(allowed, allowedBy)
	case slices.Equal(allowed.items, auto.items) && allowedBy == autoBy:
		return both(auto, autoBy)
	}
	names := p.cluster.names(source.GetNamespace(), func(name string) bool {
		return p.matches(allowed, allowedBy, name) && p.matches(auto, autoBy, name)
	})
	notes = append(notes, fmt.Sprintf("what is allowed and what is asked for differ, so it goes to the %s that are both now; namespaces that come later are not followed", count(len(names), "name")))
	return both(asks{items: names}, "")
}

// reflectorList reads one of the two lists, and its selector.
func (p *planner) reflectorList(source Object, key string) (asks, string) {
	annotations := source.GetAnnotations()
	list, selector := strings.TrimSpace(annotations[key]), strings.TrimSpace(annotations[key+reflectorBySelector])
	if list == "" && selector == "" {
		return asks{items: []string{"all"}}, ""
	}
	a := p.cluster.fromRegexes(key, strings.Split(list, ","), wholeName, source.GetNamespace())
	if a.all() {
		selector = ""
	}
	return a, selector
}

// matches reports whether a namespace is in a list or chosen by a selector.
func (p *planner) matches(a asks, selector, name string) bool {
	targets, err := parseTargets(a.items, selector)
	if err != nil {
		return false
	}
	for _, ns := range p.cluster.Namespaces {
		if ns.Name == name {
			return targets.Match(ns)
		}
	}
	return false
}

// parseReflects reads which object a copy names.
func parseReflects(o Object) (objectID, bool) {
	namespace, name, ok := strings.Cut(o.GetAnnotations()[reflects], "/")
	return objectID{o.Resource.GroupResource().String(), namespace, name}, ok
}

func isTrue(text string) bool { return strings.EqualFold(strings.TrimSpace(text), "true") }

// isSelector reports whether a text is a label selector.
func isSelector(text string) bool {
	_, err := labels.Parse(text)
	return err == nil
}
