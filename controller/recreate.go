package controller

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// recreate deletes and creates, for content that the server takes in no other way;
// refusal is what it said to the attempt to replace it. What others had put there
// comes along, if only with the next try.
func (c *Controller) recreate(ctx context.Context, key mirror.MirrorKey, t schema.GroupVersionResource, d mirror.Draft, have *mirror.Record, theirs *mirror.Unmanaged, refusal error) (*mirror.Record, error) {
	if err := c.client.tryCreate(ctx, t, d); err != nil {
		if refusal == nil {
			_, refusal = c.client.replace(ctx, t, d, have, theirs)
		}
		if apierrors.IsForbidden(err) {
			refusal = err // a quota that is full, say: what is to be mended first
		}
		return nil, refusal
	}
	c.keep(key, have, theirs, true)
	if err := c.client.delete(ctx, t, have); err != nil && !objectNotFound(err) {
		c.keep(key, have, nil, false)
		return nil, err
	}
	return c.client.create(ctx, t, d, theirs)
}

// keep notes that we delete a mirror to make it anew, and what others have put into it;
// or that the server didn't let us.
func (c *Controller) keep(key mirror.MirrorKey, have *mirror.Record, theirs *mirror.Unmanaged, deleting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	if t == nil {
		return
	}
	t.markDeleteRequested(have, deleting)
	if delete(c.kept, key); theirs != nil {
		c.kept[key] = theirs
	}
}

// keptFor is what others had put into a mirror that was deleted to be made anew.
func (c *Controller) keptFor(key mirror.MirrorKey) *mirror.Unmanaged {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[key]
}
