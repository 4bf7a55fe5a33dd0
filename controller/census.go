package controller

import (
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Unsynced is how long the source that is out of sync longest has been so, of each
// namespace that has one. Sources that nobody has seen don't count: anybody can name one.
func (c *cache) Unsynced() map[string]time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	oldest := map[string]time.Duration{}
	for key, st := range c.states {
		if st.seen && !st.since.IsZero() {
			oldest[key.Namespace] = max(oldest[key.Namespace], time.Since(st.since))
		}
	}
	return oldest
}

// Contested is the number of mirrors that somebody keeps changing back.
func (c *cache) Contested() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for o := range c.backoff.of {
		if fought, _ := c.backoff.contested(o); fought {
			n++
		}
	}
	return n
}

// Census counts the sources by how they fare, and what is wrong by reason: once for
// each mirror that it is wrong with, and once for a source where it is the source's
// own. Every word is there, if only with a zero.
func (c *cache) Census() (sources, problems map[string]int) {
	sources = map[string]int{"in-sync": 0, "out-of-sync": 0, "paused": 0, "stopped": 0, "refused": 0, "deleting": 0}
	problems = map[string]int{}
	for _, reason := range mirror.Reasons {
		problems[reason] = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, st := range c.states {
		var src *mirror.Source // nil of mirrors whose source is gone
		if t := c.tables.of[key.Type]; t != nil {
			src = t.sources[key.NamespacedName()]
		}
		if src != nil && src.Mode != mirror.Off {
			sources[st.condition(src)]++
			st.countProblems(src, src.Limit(&c.Settings), problems)
		}
		if src != nil && (src.Mode == mirror.Paused || src.Mode == mirror.Stopped) {
			continue // what was wrong with its mirrors is not tried any more
		}
		for _, list := range st.problems {
			for _, p := range list {
				problems[p.Reason]++
			}
		}
	}
	return sources, problems
}

// condition says in a word how a source fares.
func (s *state) condition(src *mirror.Source) string {
	switch {
	case src.Deleting:
		return "deleting"
	case src.Mode == mirror.Refused, src.Mode == mirror.Missing:
		return "refused"
	case src.Mode == mirror.Stopped:
		return "stopped"
	case src.Mode == mirror.Paused:
		return "paused"
	case s.resync || !s.since.IsZero():
		return "out-of-sync"
	}
	return "in-sync"
}

// countProblems counts what is wrong with a source itself.
func (s *state) countProblems(src *mirror.Source, limit int, problems map[string]int) {
	switch {
	case src.Mode == mirror.Refused:
		problems[mirror.ReasonRefused]++
	case src.Mode == mirror.Missing:
		problems[mirror.ReasonMissing]++
	case src.Mode == mirror.Stopped, src.Mode == mirror.On && len(src.Problems) > 0:
		problems[mirror.ReasonInvalid]++
	}
	if src.Mode == mirror.On && s.Excess(limit) > 0 {
		problems[mirror.ReasonOverLimit]++
	}
}
