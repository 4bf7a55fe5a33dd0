package mirror

import (
	"slices"
	"time"
)

// How the controller holds back where others write too, and whom it tells (I9). The
// counting is fights'.

// hold has a write wait where somebody else is the reason for it too often, and counts
// it otherwise (I9). What the source has changed in a mirror that is there never waits.
// The lock is held.
func (c *Controller) hold(key MirrorKey, o object, intent Hash, action Action, drift bool) *Problem {
	if action == Replace && !drift && c.fights.isNew(o, intent) {
		return nil
	}
	if pause := c.fights.wait(o, intent); pause > 0 {
		c.contested[key] = o
		c.Mirrors.AddAfter(key, pause)
		p := c.fights.problem(o)
		return &p
	}
	if action != Read && (drift || c.fights.ongoing(o, intent)) {
		c.fights.wrote(o, intent)
		if fought, _ := c.fights.contested(o); fought {
			c.contested[key] = o
		}
	}
	return nil
}

// aim is what a patch of a source is for.
type aim struct {
	intent Hash
	// change says that it replaces one status with the next.
	change bool
}

// aim is what the patch is for that writes these fields. What takes all of ours off a
// source that stays counts as a deletion does: somebody may turn it off and on for ever.
func (d due) aim(src *Source, fields map[string]any) aim {
	if src.Mode == Off && !src.Deleting {
		return aim{intent: deletion}
	}
	return aim{hashContent(fields), d.finalizers == nil && src.SyncStatus != "" && d.status.text != ""}
}

// pauseSource is how long a patch of a source is to wait.
func (c *Controller) pauseSource(key SourceKey, aim aim) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := object{key.Type, key.name()}
	if aim.change && c.sourceFights.isNew(o, aim.intent) {
		return 0
	}
	return c.sourceFights.wait(o, aim.intent)
}

// aimed counts a patch of a source that has been answered. The lock is held.
func (c *Controller) aimed(key SourceKey, aim aim) {
	o := object{key.Type, key.name()}
	if aim.change && c.sourceFights.isNew(o, aim.intent) {
		c.sourceFights.changed(o, aim.intent)
		return
	}
	c.sourceFights.wrote(o, aim.intent)
}

// untold are those of a source's problems that nobody has been told of. Of a mirror that
// is fought over it is told once, however often the source is none in between. The lock
// is held.
func (c *Controller) untold(key SourceKey, problems []Problem) []Problem {
	st := c.state(key)
	fresh := false
	for mirror, o := range c.contested {
		if mirror.Source == key && slices.ContainsFunc(st.problems[mirror.Namespace], isContested) {
			fresh = c.fights.tell(o) || fresh
		}
	}
	return slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool {
		return isContested(p) && !fresh || !isContested(p) && slices.Contains(st.told, p)
	})
}

// calmed keeps a mirror that is fought over among the problems until it has been
// left alone for a while; otherwise its status would change with every blow.
func (c *Controller) calmed(key MirrorKey) *Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, was := c.contested[key]
	if !was {
		return nil
	}
	fought, until := c.fights.contested(o)
	if !fought {
		delete(c.contested, key)
		return nil
	}
	c.Mirrors.AddAfter(key, until)
	p := c.fights.problem(o)
	return &p
}
