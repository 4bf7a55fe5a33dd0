package migrate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// neverTargets are the namespaces that the original never had mirrors in.
var neverTargets = []string{"kube-node-lease", "kube-public", "kube-system"}

// unknownKeys are the original's that stop a source now.
var unknownKeys = []string{
	api.Domain + "/content-hash", api.Domain + "/webhook-error", api.Domain + "/target-namespace-uid", api.Domain + "/deletion-attempts",
}

// fromKubemirror reads the original kubemirror, whose keys are ours. What is to be done is
// what keeps its mirrors where they are.
func fromKubemirror(c *Cluster, o Options) *Plan {
	p := newPlanner("kubemirror", c, o)
	copies := map[objectID][]Object{}
	for _, o := range c.Objects {
		a := o.GetAnnotations()
		if o.GetLabels()[api.LabelMirror] == "true" && !isSource(o) {
			source := objectID{o.Resource.GroupResource().String(), a[api.AnnotationSourceNamespace], a[api.AnnotationSourceName]}
			copies[source] = append(copies[source], o)
		}
	}
	for _, source := range c.Objects {
		if !isSource(source) {
			continue
		}
		f := found{source: source, copies: copies[objectOf(source)], drop: unknownKeys}
		annotations := source.GetAnnotations()
		if annotations[api.AnnotationExclude] == "true" {
			f.drop = append(slices.Clone(f.drop), api.AnnotationExclude)
			f.notes = append(f.notes, `exclude: "true" had no effect and now has: it would take the mirrors away, so it is taken off; set it again if they are to go`)
		}
		if annotations[api.AnnotationPaused] == "true" {
			f.notes = append(f.notes, `paused: "true" had no effect and now has: mirrors stay as they are until it is taken off`)
		}
		if _, limited := annotations[api.AnnotationMaxTargets]; limited {
			f.drop = append(slices.Clone(f.drop), api.AnnotationMaxTargets)
			f.notes = append(f.notes, "max-targets had no effect and now has: mirrors beyond it would go, so it is taken off; set it again if they are to")
		}
		f.targets = p.kubemirrorTargets(source)
		p.take(f)
	}
	for _, ns := range c.Namespaces {
		p.refusals(ns, copies)
	}
	return &p.Plan
}

// kubemirrorTargets reads target-namespaces as the original did.
func (p *planner) kubemirrorTargets(source Object) asks {
	var a asks
	for _, item := range pattern.Split(source.GetAnnotations()[api.AnnotationTargetNamespaces]) {
		if !strings.ContainsAny(item, `[\`) {
			a.items = append(a.items, item)
			continue
		}
		names := p.cluster.names(source.GetNamespace(), func(name string) bool {
			matched, err := path.Match(item, name)
			return err == nil && matched
		})
		a.items = append(a.items, names...)
		a.notes = append(a.notes, fmt.Sprintf("target-namespaces: %q is no glob any more, so it becomes the %s that match now; namespaces that come later are not followed", item, count(len(names), "name")))
	}
	targets, err := parseTargets(a.items, "")
	if err != nil {
		return a
	}
	// Whatever was asked for, these were left out.
	var reached []string
	for _, name := range neverTargets {
		if targets.Match(&mirror.Namespace{Identity: mirror.Identity{Name: name}}) {
			reached = append(reached, "!"+name)
		}
	}
	if len(reached) > 0 {
		a.notes = append(a.notes, fmt.Sprintf("it would newly reach %s, so they are taken away", strings.ReplaceAll(strings.Join(reached, ", "), "!", "")))
		a.items = append(a.items, reached...)
	}
	return a
}

// refusals says of a namespace that refuses mirrors which of the original's are there.
func (p *planner) refusals(ns *mirror.Namespace, copies map[objectID][]Object) {
	if ns.Labels[api.LabelAllowMirrors] != "false" {
		return
	}
	n := 0
	for _, of := range copies {
		for _, o := range of {
			if o.GetNamespace() == ns.Name {
				n++
			}
		}
	}
	if n > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf(`Namespace %s: allow-mirrors: "false" now refuses every mirror, so %s there will go; take the label off before KubeMirror starts if they are to stay`, ns.Name, count(n, "mirror")))
	}
}

func parseTargets(items []string, selector string) (mirror.Targets, error) {
	return mirror.ParseTargets(strings.Join(items, ","), selector)
}
