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
	processes, text, begin := e.prefix+"-kubemirror-", e.prefix+"-", e.begin
	if e.abroad {
		text, begin = "", audit.Mark{} // who made the sources there says nothing of the test, and may have been before it
	}
	breaches, err := record.Breaches(e.Audit().Writes(begin, text), func(user string) bool {
		return strings.HasPrefix(user, processes)
	})
	if err != nil {
		e.t.Errorf("read what was written: %v", err)
	}
	for _, breach := range breaches {
		e.t.Errorf("it touched what isn't its own: %s", breach)
	}
}
