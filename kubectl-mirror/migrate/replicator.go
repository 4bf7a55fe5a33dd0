package migrate

import (
	"fmt"
	"strings"
)

// The annotations of mittwald/kubernetes-replicator.
const (
	replicatorPrefix = "replicator.v1.mittwald.de/"

	replicateTo         = replicatorPrefix + "replicate-to"
	replicateToMatching = replicatorPrefix + "replicate-to-matching"
	replicateFrom       = replicatorPrefix + "replicate-from"
	replicatedAt        = replicatorPrefix + "replicated-at"
	replicatedVersion   = replicatorPrefix + "replicated-from-version"
	replicatedKeys      = replicatorPrefix + "replicated-keys"
	stripLabels         = replicatorPrefix + "strip-labels"
	keepOwners          = replicatorPrefix + "keep-owner-references"
)

// fromReplicator reads kubernetes-replicator. Its patterns match whole names; by pattern and
// by label add up; its own namespace is never a target.
func fromReplicator(c *Cluster, o Options) *Plan {
	p := newPlanner("replicator", c, o, replicatorPrefix)
	copies := p.replicas()
	for _, source := range c.Objects {
		annotations := source.GetAnnotations()
		if from := annotations[replicateFrom]; from != "" {
			p.note(source, "it pulls %s, and KubeMirror has sources push: to have it, let %s name %s in target-namespaces, and delete this one", from, from, source.GetNamespace())
			continue
		}
		list, selector := annotations[replicateTo], annotations[replicateToMatching]
		if list == "" && selector == "" {
			if annotations[replicatorPrefix+"replication-allowed"] != "" {
				p.note(source, "it only lets others pull it, which has no counterpart")
			}
			continue
		}
		f := found{source: source, selector: selector, copies: copies[objectOf(source)]}
		f.targets = c.fromRegexes(replicateTo, strings.Split(list, ","), wholeName, source.GetNamespace())
		if _, strips := annotations[stripLabels]; strips && len(source.GetLabels()) > 0 {
			f.notes = append(f.notes, "strip-labels has no counterpart for all labels at once: its mirrors get the labels of the source; take them out one by one with rules in transform")
		}
		if annotations[keepOwners] == "true" {
			f.notes = append(f.notes, "keep-owner-references has no counterpart: new mirrors have no owners")
		}
		p.take(f)
	}
	return &p.Plan
}

// replicas finds the source of each copy. It isn't named there: it has the same kind and
// name, and pushes there. Where several do, it is the one of the version that was copied.
func (p *planner) replicas() map[objectID][]Object {
	sources := map[objectID][]Object{} // by kind and name
	named := func(o Object) objectID { return objectID{objectOf(o).resource, "", o.GetName()} }
	for _, o := range p.cluster.Objects {
		if a := o.GetAnnotations(); a[replicateTo] != "" || a[replicateToMatching] != "" {
			sources[named(o)] = append(sources[named(o)], o)
		}
	}
	copies := map[objectID][]Object{}
	for _, o := range p.cluster.Objects {
		a := o.GetAnnotations()
		if a[replicatedAt] == "" && a[replicatedVersion] == "" && a[replicatedKeys] == "" || a[replicateFrom] != "" {
			if source, ours := p.mirrored(o, sources[named(o)]); ours {
				copies[source] = append(copies[source], o)
			}
			continue
		}
		candidates := sources[named(o)]
		var exact []Object
		for _, s := range candidates {
			if s.GetResourceVersion() == a[replicatedVersion] {
				exact = append(exact, s)
			}
		}
		if len(exact) == 1 {
			candidates = exact
		}
		var others []Object
		for _, s := range candidates {
			if s.GetNamespace() != o.GetNamespace() {
				others = append(others, s)
			}
		}
		switch len(others) {
		case 0:
			p.note(o, "it is a copy of a source that is no more, so it is left to you")
		case 1:
			copies[objectOf(others[0])] = append(copies[objectOf(others[0])], o)
		default:
			p.note(o, "it is a copy of one of %s, and can't be told of which, so it is left to you", listed(others))
		}
	}
	return copies
}

// mirrored finds a copy that has become a mirror of one of the sources already.
func (p *planner) mirrored(o Object, sources []Object) (objectID, bool) {
	for _, s := range sources {
		if isOurs(o, key(s)) {
			return objectOf(s), true
		}
	}
	return objectID{}, false
}

func listed(objects []Object) string {
	var names []string
	for _, o := range objects {
		names = append(names, fmt.Sprint(o))
	}
	return strings.Join(names, ", ")
}
