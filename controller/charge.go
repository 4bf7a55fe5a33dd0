package controller

import "github.com/lukaszraczylo/kubemirror/mirror"

// Whose turn a look takes. A source's namespace is served for what the source wants. A
// mirror where its source wants none, or of a source that nobody has seen, may be made by
// anybody who may write in the namespace where it lies, in any number: that namespace is
// charged for it, so that it holds nobody up but itself.

// enqueueMirrorLocked has a mirror looked at that was seen to change.
func (c *cache) enqueueMirrorLocked(t *table, key mirror.MirrorKey) {
	if st := c.states[key.Source]; t.sources[key.Source.NamespacedName()] != nil && st != nil && st.Requested[key.Namespace] {
		c.Mirrors.Add(key)
	} else {
		c.Mirrors.AddCharged(key, key.Namespace)
	}
}

// enqueueSourceLocked has a source looked at on account of its mirror in a namespace.
func (c *cache) enqueueSourceLocked(key mirror.SourceKey, namespace string) {
	if st := c.states[key]; st != nil && st.seen {
		c.Sources.Add(key)
	} else {
		c.Sources.AddCharged(key, namespace)
	}
}
