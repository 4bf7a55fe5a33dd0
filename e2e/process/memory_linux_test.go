package process_test

import (
	"strings"
	"testing"
)

func TestTheMemoryOfAProcessIsSeenFromOutside(t *testing.T) {
	p := shell(t, `x=$(head -c 8000000 /dev/zero | tr '\0' x); echo filled; while :; do sleep 0.05; done`)
	awaitLog(t, p, "filled")
	m, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if m.Anonymous < 8000000 || m.Resident <= m.Anonymous || m.Peak < m.Resident || m.Peak > 1<<30 {
		t.Errorf("Memory = %+v, of a process that made 8 MB", m)
	}
	p.Kill()
	if m, err := p.Memory(); err == nil || !strings.Contains(err.Error(), "script") {
		t.Errorf("Memory = %+v, %v, of a process that has ended", m, err)
	}
}
