package main

import (
	"bytes"
	"testing"
)

func TestAFileGetsWhatStays(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out}
	s.draw("one …")
	s.draw("one …", "two …")
	s.keep("one", "two")
	s.keep("three")
	if got := out.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("got %q", got)
	}
}

func TestATerminalIsDrawnOver(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out, live: true}
	s.draw("one …", "two …")
	s.draw("one", "two …")
	s.keep("one", "two")
	s.keep("three")
	want := "\x1b[?7lone …\ntwo …\n\x1b[?7h" +
		"\x1b[2A\x1b[J\x1b[?7lone\ntwo …\n\x1b[?7h" +
		"\x1b[2A\x1b[Jone\ntwo\n" +
		"three\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
