package mirror

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// wish is what a source has to say about a namespace.
type wish int

const (
	nothing wish = iota // the type isn't known, or not yet
	unknown             // whether the source is gone, is to be found out
	keep                // whatever is there stays as it is
	unsure              // whatever is there stays, since the namespace's word can't be read
	gone                // no mirror is to be there
	there               // a mirror is to be there
)

// scene is what is known when one namespace of a source is looked at.
type scene struct {
	resource schema.GroupVersionResource
	kind     schema.GroupVersionKind
	source   *Source
	wish     wish
	// has are the source's mirrors in the namespace.
	has []*Record
	// drift says that only a change of a mirror has led here; otherwise since is when
	// this look became due.
	drift bool
	since time.Time
	// consent says what of the namespace can't be read, where that is why its mirrors
	// stay as they are; cause says why a mirror is to go, where its source's author
	// didn't ask for that.
	consent, cause string
}

func (c *Controller) scene(key MirrorKey) scene {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	if t == nil || !t.ready {
		return scene{}
	}
	st := c.state(key.Source)
	s := scene{
		resource: t.resource,
		kind:     t.gvk(),
		source:   t.sources[key.Source.name()],
		has:      slices.Clone(t.bySource[key.Source.name()][key.Namespace]),
		since:    st.pending[key.Namespace],
	}
	s.drift = s.since.IsZero() && st.drifting[key.Namespace]
	s.wish = c.wish(s.source, st, c.namespaces[key.Namespace], t.bySource[key.Source.name()], key)
	if s.wish != there {
		c.conflicts.settled(key)
	}
	switch s.wish {
	case unknown:
		c.Sources.Add(key.Source) // finds out whether it is gone (I5)
	case unsure:
		if len(s.has) > 0 || s.source.Targets.asksByName(key.Namespace) {
			s.consent = c.namespaces[key.Namespace].Unreadable
		}
	case gone:
		delete(c.kept, key)
		s.cause = c.cause(s.source, st, c.namespaces[key.Namespace])
		if s.source == nil && len(s.has) == 0 {
			c.Sources.Add(key.Source) // to be forgotten, once nothing is left
		}
	}
	return s
}

// cause is why there is to be no mirror, where it isn't the source's own doing. The
// lock is held.
func (c *Controller) cause(src *Source, st *state, ns *Namespace) string {
	switch {
	case src == nil && !st.deselected:
		return "its source is gone"
	case src == nil, src.Deleting, src.Mode < Stopped, ns == nil:
	case ns.consent(src.Namespace) == refuses:
		return "the namespace refuses mirrors of sources in " + src.Namespace
	case !c.Settings.targetAllowed(ns.Name) && src.Targets.Match(ns):
		return "the controller's flags leave the namespace out"
	case st.asked[ns.Name] && src.limit(&c.Settings) != src.MaxTargets:
		return "it is over the maximum targets of the controller"
	}
	return ""
}

// wish is what a source wants in a namespace, now. The lock is held.
func (c *Controller) wish(src *Source, st *state, ns *Namespace, has map[string][]*Record, key MirrorKey) wish {
	switch {
	case src == nil && len(has[key.Namespace]) > 0 && !st.isAbsent():
		return unknown
	case src == nil, src.Deleting, src.Mode == Off, src.Mode == Refused:
		return gone
	case ns == nil, ns.Terminating:
		return keep // its content goes with it
	case ns.consent(src.Namespace) == refuses:
		return gone // whatever the source asks for
	case ns.consent(src.Namespace) == unclear:
		return unsure
	case src.Mode != On:
		return keep
	case st.wants(key.Namespace, src.limit(&c.Settings), has):
		return there
	}
	return gone
}
