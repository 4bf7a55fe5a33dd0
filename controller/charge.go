package controller

import "github.com/lukaszraczylo/kubemirror/mirror"

// Whose turn a look takes. A source's namespace is served for what the source wants. What
// happens to a mirror, or to what says that it is one, may be the doing of anybody who may
// write in the namespace where it lies, in any number: that namespace is charged for it,
// so that it holds nobody up but itself. So it is for sources that nobody has seen.

// enqueueSourceLocked has a source looked at on account of its mirror in a namespace.
func (c *cache) enqueueSourceLocked(key mirror.SourceKey, namespace string) {
	if st := c.states[key]; st != nil && st.seen {
		c.Sources.Add(key)
	} else {
		c.Sources.AddCharged(key, namespace)
	}
}
