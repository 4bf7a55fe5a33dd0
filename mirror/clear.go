package mirror

import (
	"context"
	"slices"
)

// clear deletes mirrors that are to be there no more, and settles the look, which
// has had these problems otherwise.
func (c *Controller) clear(ctx context.Context, key MirrorKey, s scene, records []*Record, problems []Problem) error {
	problems = slices.Clone(problems)
	for _, r := range records {
		if r.Terminating {
			continue
		}
		o := object{key.Source.Type, r.key()}
		if !c.mayDelete(key, o, r) {
			continue
		}
		err := c.delete(ctx, s.resource, r)
		c.deleted(key, r, err)
		if err == nil || objectNotFound(err) {
			c.tellDeleted(ctx, key, s, r)
			continue
		}
		problem, again := c.judge(ctx, "delete", err)
		if problem != nil {
			c.settle(ctx, key, s.source, append(problems, *problem))
		}
		if again != nil {
			return again
		}
	}
	if fought := c.calmed(key); fought != nil && s.wish == gone {
		problems = append(problems, *fought)
	}
	c.settle(ctx, key, s.source, problems)
	return nil
}

// mayDelete reports whether a mirror may be deleted now, and notes that it is about
// to be. Where somebody makes it again and again, the key comes back later (I9).
func (c *Controller) mayDelete(key MirrorKey, o object, r *Record) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pause := c.fights.wait(o, deletion); pause > 0 {
		c.contested[key] = o
		c.Mirrors.AddAfter(key, pause)
		return false
	}
	if t := c.tables[key.Source.Type]; t != nil {
		t.delete(r, true)
	}
	return true
}

// deleted takes note of how the server answered to the deletion of a mirror.
func (c *Controller) deleted(key MirrorKey, r *Record, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := object{key.Source.Type, r.key()}
	t := c.tables[key.Source.Type]
	switch {
	case t == nil:
	case err == nil:
		c.fights.wrote(o, deletion)
		if fought, _ := c.fights.contested(o); fought {
			c.contested[key] = o
		}
		t.deleting(r)
	case objectNotFound(err):
		if t.lost(r) {
			c.counted(t, r, nil)
		}
	default:
		t.delete(r, false)
	}
}
