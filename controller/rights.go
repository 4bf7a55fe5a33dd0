package controller

import (
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// rightsGrace is how long a right must have been lacking before anybody is told. An API
// server that has just been started refuses what it will grant in a moment: it serves
// before it has read the roles and their bindings.
const rightsGrace = 5 * time.Second

// lacksRightNewly reports whether a write of a source, or of its mirror in a namespace,
// has been refused for lack of a right for a moment only.
func (c *cache) lacksRightNewly(key mirror.SourceKey, namespace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.stateLocked(key)
	since, before := st.lacksRight[namespace]
	if !before {
		since = time.Now()
		if st.lacksRight == nil {
			st.lacksRight = map[string]time.Time{}
		}
		st.lacksRight[namespace] = since
	}
	return time.Since(since) < rightsGrace
}
