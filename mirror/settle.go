package mirror

import (
	"context"
	"slices"
	"time"

	"k8s.io/klog/v2"
)

// settle takes note of how a look at a namespace ended that saw the source as src,
// and has the source's status written when it was the last look due, or says
// something else now.
func (c *Controller) settle(ctx context.Context, key MirrorKey, src *Source, problems []Problem) {
	untold, mirror := c.noted(key, src, problems)
	logger := klog.FromContext(ctx).WithValues("source", key.Source, "namespace", key.Namespace)
	if mirror != "" {
		logger = logger.WithValues("mirror", mirror)
	}
	for _, p := range untold {
		logger.Info("A mirror that is to go is still there", "problem", p.Text)
		if src != nil {
			p.Text = key.Namespace + ": " + p.Text
			if err := c.emit(ctx, src, p); err != nil {
				logger.V(2).Info("Can't write an event", "reason", p.Reason)
			}
		}
	}
}

// noted is settle less what is said. It returns what there is to tell and the source's
// status will not tell, since the source goes, is gone, or isn't one; and the name of
// the mirror, where it is fought over.
func (c *Controller) noted(key MirrorKey, src *Source, problems []Problem) (untold []Problem, mirror string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.states[key.Source]
	if st == nil {
		return nil, ""
	}
	t := c.tables[key.Source.Type]
	if t == nil || !sameSpec(src, t.sources[key.Source.name()]) {
		c.Mirrors.Add(key) // the source changed while we looked: nothing is settled
		return nil, ""
	}
	_, was := st.pending[key.Namespace]
	delete(st.pending, key.Namespace)
	delete(st.drifting, key.Namespace)
	changed := !slices.Equal(st.problems[key.Namespace], problems)
	if len(problems) == 0 {
		delete(st.problems, key.Namespace)
	} else {
		st.problems[key.Namespace] = problems
	}
	if len(st.pending) == 0 && (was || changed) {
		st.pending = map[string]time.Time{} // one that has been large stays so
		c.statusDue(key.Source, src)
	}
	if !changed || src != nil && !src.Deleting && src.Mode == On {
		return nil, ""
	}
	o := c.contested[key]
	return slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool {
		return isContested(p) && !c.fights.tell(o)
	}), o.at.Name
}

// statusDelay is how long a status waits for more to happen: where namespaces come
// in numbers, the sources that go to all of them get their mirrors first, and each
// one status.
const statusDelay = 200 * time.Millisecond

// statusDue has a source looked at after the last look that was due at its mirrors: at
// once where it waits to be rid of its finalizer, and otherwise for its status.
func (c *Controller) statusDue(key SourceKey, src *Source) {
	if src == nil || src.Deleting || src.Mode == Off {
		c.Sources.Add(key)
		return
	}
	c.Sources.AddAfter(key, statusDelay)
}
