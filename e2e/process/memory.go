package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what a process has of the machine's memory, in bytes.
type Memory struct {
	// Resident is all of it, pages of its program's file included, which the kernel
	// can drop and read again.
	Resident int64
	// Anonymous is the part that it made itself: heap and stacks, not files.
	Anonymous int64
	// Peak is the most that Resident has ever been.
	Peak int64
}

// Memory is what the process has now. It is of Linux only.
func (p *Process) Memory() (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, fmt.Errorf("read the memory of %s: %w", p.name, err)
	}
	var m Memory
	fields := map[string]*int64{"VmRSS": &m.Resident, "RssAnon": &m.Anonymous, "VmHWM": &m.Peak}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		field := fields[name]
		if field == nil {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("read the memory of %s: %s: %w", p.name, name, err)
		}
		*field = kilobytes << 10
	}
	if m.Resident == 0 { // a process that has ended and wasn't waited for has a status without these
		return Memory{}, fmt.Errorf("read the memory of %s: it has none", p.name)
	}
	return m, nil
}
