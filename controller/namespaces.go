package controller

import (
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// NamespaceHandler takes in namespaces, as *Namespace.
type NamespaceHandler struct{ c *cache }

// Namespaces is the handler for the namespaces' informer.
func (c *cache) Namespaces() NamespaceHandler { return NamespaceHandler{c} }

// Set takes in a namespace that is there or has changed.
func (h NamespaceHandler) Set(obj any) {
	ns := obj.(*mirror.Namespace)
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	before := h.c.namespaces[ns.Name]
	h.c.namespaces[ns.Name] = ns
	switch {
	case !ns.SameSpec(before):
		h.c.namespaceChanged(before, ns)
	case !ns.SameAnnotations(before):
		annotationsChanged(h.c, ns)
	}
	if ns.Unreadable != "" || before != nil && before.Unreadable != "" {
		h.c.Consents.Add(ns.Name)
	}
}

// Started takes in that all namespaces that there are have been seen.
func (h NamespaceHandler) Started() {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	for name, ns := range h.c.namespaces {
		if ns.Unreadable != "" && h.c.Settings.TargetAllowed(name) {
			h.c.consents[name] = ns.Unreadable
			klog.Background().Info("A namespace can't be read", "namespace", name, "problem", mirror.UnclearConsent(ns.Unreadable).Text)
		}
	}
	h.c.started = true
}

// Gone takes in that a namespace is no more.
func (h NamespaceHandler) Gone(name types.NamespacedName, _ types.UID, _ string) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if ns := h.c.namespaces[name.Name]; ns != nil {
		delete(h.c.namespaces, ns.Name)
		h.c.namespaceChanged(ns, nil)
	}
}

// namespaceChanged has the sources that the namespace concerns look at this one
// namespace, and at no other, but where their limit makes another one slip in.
func (c *cache) namespaceChanged(before, after *mirror.Namespace) {
	name := before
	if name == nil {
		name = after
	}
	for _, key := range c.index.affectedSources(before, after) {
		if src := c.tables.source(key); src != nil && src.IsConcernedBy(before, after) {
			c.enqueueNamespaceLocked(key, name.Name, after)
		}
	}
	if before != nil && after != nil && (lessWelcoming(after) || before.Unreadable != "") {
		// Sources that are paused or can't be read are not in the index, but a refusal
		// counts for them too.
		for source, has := range c.tables.owners.mirrors {
			if len(has[after.Name]) > 0 && c.Settings.SourceAllowed(source.Namespace) {
				c.Mirrors.AddCharged(mirror.MirrorKey{Source: source, Namespace: after.Name}, after.Name)
			}
		}
	}
}

// annotationsChanged has the sources that read annotations of their mirrors' namespaces
// look at this one. Nothing else depends on those.
func annotationsChanged(c *cache, ns *mirror.Namespace) {
	for key := range c.index.readers {
		if src := c.tables.source(key); src != nil && c.Settings.Selects(src, ns) {
			c.enqueueNamespaceLocked(key, ns.Name, ns)
		}
	}
}

// lessWelcoming reports whether a namespace says something that not all sources may
// be content with.
func lessWelcoming(ns *mirror.Namespace) bool {
	return ns.Labels[api.LabelAllowMirrors] == "false" || ns.AllowFrom != nil || ns.Unreadable != ""
}

// enqueueNamespaceLocked has a source look at one namespace.
func (c *cache) enqueueNamespaceLocked(key mirror.SourceKey, namespace string, ns *mirror.Namespace) {
	t := c.tables.of[key.Type]
	if t == nil || t.sources[key.NamespacedName()] == nil {
		return
	}
	src, st := t.sources[key.NamespacedName()], c.stateLocked(key)
	limited := st.Excess(src.Limit(&c.Settings)) > 0
	if c.Settings.Selects(src, ns) {
		st.Requested[namespace] = true
	} else {
		delete(st.Requested, namespace)
	}
	if limited || st.Excess(src.Limit(&c.Settings)) > 0 {
		st.resync = true
	}
	c.enqueueLocked(key, st, namespace)
	c.Sources.Add(key)
}
