package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// screen prints lines that stay, and, on a terminal, a block of lines at the end
// that is drawn anew as things change. Where it is not a terminal, only what stays
// is printed: each line once, and no escape codes.
type screen struct {
	out   io.Writer
	live  bool // a terminal that we can move about on
	drawn int  // lines of the block that is there now
}

func newScreen(out *os.File) *screen {
	_, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	return &screen{out: out, live: err == nil && os.Getenv("TERM") != "dumb"}
}

// What a terminal is told. A line of the block that wrapped would be two when it
// is counted back.
const (
	up     = "\x1b[%dA"
	erase  = "\x1b[J"
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

// draw has the lines take the place of the block.
func (s *screen) draw(lines ...string) {
	if s.live {
		s.print(s.back() + noWrap + text(lines) + wrap)
		s.drawn = len(lines)
	}
}

// keep has the lines take the place of the block, for good.
func (s *screen) keep(lines ...string) {
	s.print(s.back() + text(lines))
	s.drawn = 0
}

// back takes the block away.
func (s *screen) back() string {
	if s.drawn == 0 {
		return ""
	}
	return fmt.Sprintf(up, s.drawn) + erase
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }

func (s *screen) print(text string) {
	// Nobody is left to tell if this fails, and SIGPIPE ends the demo.
	_, _ = io.WriteString(s.out, text)
}
