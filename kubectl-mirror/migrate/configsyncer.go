package migrate

import "strings"

// The keys of kubeops/config-syncer, which was kubed.
const (
	syncerPrefix = "kubed.appscode.com/"

	syncerSync     = syncerPrefix + "sync"
	syncerContexts = syncerPrefix + "sync-contexts"
	syncerOrigin   = syncerPrefix + "origin" // on copies, and the labels below
	originName     = syncerOrigin + ".name"
	originSpace    = syncerOrigin + ".namespace"
	originCluster  = syncerOrigin + ".cluster"
)

// fromConfigSyncer reads config-syncer. Its copies have all labels and annotations of their
// sources, those by which they are copied too, and name their source in labels.
func fromConfigSyncer(c *Cluster, o Options) *Plan {
	p := newPlanner("config-syncer", c, o, syncerPrefix)
	copies := map[objectID][]Object{}
	for _, o := range c.Objects {
		if source, ok := syncerCopy(o); ok {
			copies[source] = append(copies[source], o)
		} else if source, ours := oursOf(o); ours {
			copies[source] = append(copies[source], o)
		}
	}
	for _, source := range c.Objects {
		selector, asked := source.GetAnnotations()[syncerSync]
		if _, isCopy := syncerCopy(source); isCopy {
			continue
		}
		if contexts := source.GetAnnotations()[syncerContexts]; contexts != "" {
			p.note(source, "it goes to other clusters too (%s), which has no counterpart", contexts)
		}
		if !asked {
			continue
		}
		f := found{source: source, copies: copies[objectOf(source)]}
		delete(copies, objectOf(source))
		if selector = strings.TrimSpace(selector); selector == "" || selector == "true" {
			f.targets.items = []string{"all"}
		} else if f.selector = selector; !isSelector(selector) {
			p.note(source, "%s: %q can't be read as a label selector, so it is left as it is", syncerSync, selector)
			continue
		}
		p.take(f)
	}
	for _, o := range c.Objects {
		if source, ok := syncerCopy(o); ok && len(copies[source]) > 0 {
			p.note(o, "its source %s/%s isn't there, or is another cluster's (%q), so it is left to you", source.namespace, source.name, o.GetLabels()[originCluster])
		}
	}
	return &p.Plan
}

// syncerCopy reads which object a copy names.
func syncerCopy(o Object) (objectID, bool) {
	labels := o.GetLabels()
	return objectID{o.Resource.GroupResource().String(), labels[originSpace], labels[originName]}, labels[originName] != "" && labels[originSpace] != ""
}
