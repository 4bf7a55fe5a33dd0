package controller

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// deleteStale deletes mirrors that are to be there no more, and settles the look, which
// has had these problems otherwise.
func (c *Controller) deleteStale(ctx context.Context, key mirror.MirrorKey, s snapshot, records []*mirror.Record, problems []mirror.Problem) error {
	problems = slices.Clone(problems)
	for _, r := range records {
		if mirror.Plan(nil, r, nil, false) != mirror.Delete {
			continue
		}
		o := object{key.Source.Type, r.Key()}
		if may, held := c.mayDelete(key, o, r); held {
			return nil // looked at again when the finalizer has gone
		} else if !may {
			continue
		}
		err := c.client.delete(ctx, s.resource, r)
		c.deleted(key, r, err)
		if err == nil || objectNotFound(err) {
			c.reportDeleted(ctx, key, s, r)
			continue
		}
		if apierrors.IsConflict(err) {
			return c.stale(ctx, key.Source, s.resource, r)
		}
		problem, again := c.classifyError(ctx, "delete", err)
		if problem != nil {
			c.finish(ctx, key, s.source, append(problems, *problem))
		}
		if again != nil {
			return again
		}
	}
	if fought := c.contestedProblem(key); fought != nil && s.intent == absent {
		problems = append(problems, *fought)
	}
	c.finish(ctx, key, s.source, problems)
	return nil
}

// mayDelete reports whether a mirror may be deleted now, and notes that it is about
// to be. Where somebody makes it again and again, the key comes back later (I9); it
// is held while the source is to lose its finalizer first.
func (c *Controller) mayDelete(key mirror.MirrorKey, o object, r *mirror.Record) (may, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key.Source.Type]
	if t == nil {
		return false, false // forgotten meanwhile
	}
	if stays(r) && c.holdLocked(key, t) {
		return false, true
	}
	if pause := c.backoff.wait(o, deletion); pause > 0 {
		c.contested[key] = o
		c.Mirrors.AddAfter(key, pause)
		return false, false
	}
	t.markDeleteRequested(r, true)
	return true, false
}

// deleted records how the server answered to the deletion of a mirror.
func (c *Controller) deleted(key mirror.MirrorKey, r *mirror.Record, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := object{key.Source.Type, r.Key()}
	t := c.tables[key.Source.Type]
	switch {
	case t == nil:
	case err == nil:
		c.backoff.wrote(o, deletion)
		if fought, _ := c.backoff.contested(o); fought {
			c.contested[key] = o
		}
		t.markTerminating(r)
	case objectNotFound(err):
		c.dropNotFoundLocked(t, r)
	default:
		t.markDeleteRequested(r, false)
	}
}
