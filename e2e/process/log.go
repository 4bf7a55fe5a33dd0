package process

import (
	"os"
	"strings"
)

// Log returns all that the process has written so far to standard output and
// standard error.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "(its log can't be read: " + err.Error() + ")"
	}
	return string(text)
}

// LogTail returns the last lines of the log, at most n, without the newline at
// the end.
func (p *Process) LogTail(n int) string {
	lines := strings.Split(strings.TrimRight(p.Log(), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
