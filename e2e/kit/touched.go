package kit

import (
	"strings"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/record"
)

// checkTouched fails the test if the API server's log has a write of one of its
// processes to something that isn't KubeMirror's own.
func (e *Env) checkTouched() {
	if len(e.processes) == 0 {
		return
	}
	processes := e.prefix + "-kubemirror-"
	breaches := func(begin audit.Mark, text string) []string {
		found, err := record.Breaches(e.Audit().Writes(begin, text), func(user string) bool { return strings.HasPrefix(user, processes) })
		if err != nil {
			e.t.Errorf("read what was written: %v", err)
		}
		return found
	}
	// A process lets sources go that are none of its test's: who made them is told by lines
	// that don't name the test, and that may be older. There are too many to read all always.
	found := breaches(e.begin, e.prefix+"-")
	if e.abroad || len(found) > 0 {
		found = breaches(audit.Mark{}, "")
	}
	for _, breach := range found {
		e.t.Errorf("it touched what isn't its own: %s", breach)
	}
}
