package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTheDemo is the demo itself, as it is without a terminal.
func TestTheDemo(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "demo-") // a short path, for etcd's socket
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	t.Setenv("TMPDIR", dir)

	var out bytes.Buffer
	err = play(t.Context(), &screen{out: &out}, false)
	t.Log("\n" + out.String())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(strings.TrimSpace(line)) > width || strings.ContainsAny(line, "\x1b…") {
			t.Errorf("too wide, not plain, or not finished: %q", line)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
