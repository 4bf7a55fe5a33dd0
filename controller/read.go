package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// read asks the server what is in a mirror that somebody may have written to, and
// records it: once for each version.
func (c *Controller) read(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) error {
	u, err := c.client.getWhole(ctx, t, have)
	c.mu.Lock()
	defer c.mu.Unlock()
	table := c.tables[t.GroupResource()]
	switch {
	case table == nil || table.resource != t:
		return errStale // forgotten meanwhile
	case objectNotFound(err):
		if table.dropNotFound(have) {
			c.countMirror(table, have, nil)
		}
		return nil
	case err != nil:
		return err
	}
	r := mirror.NewRecord(t.GroupResource(), u)
	if r.Standing == mirror.Foreign {
		return errStale // the watch is about to tell
	}
	r.Learn(mirror.HashContent(mirror.Content(u.Object)), mirror.IsImmutable(u.Object))
	table.set(r)
	return nil
}
