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

// draw has the lines take the place of the block.
func (s *screen) draw(lines ...string) {
	if s.live {
		s.replace(lines)
		s.drawn = len(lines)
	}
}

// keep has the lines take the place of the block, for good.
func (s *screen) keep(lines ...string) {
	s.replace(lines)
	s.drawn = 0
}

func (s *screen) replace(lines []string) {
	var frame strings.Builder
	if s.live {
		// A line that wrapped would be two when it is counted back.
		frame.WriteString("\x1b[?7l")
		if s.drawn > 0 {
			fmt.Fprintf(&frame, "\x1b[%dA", s.drawn)
		}
		frame.WriteString("\x1b[J")
	}
	for _, line := range lines {
		frame.WriteString(line + "\n")
	}
	if s.live {
		frame.WriteString("\x1b[?7h")
	}
	// Nobody is left to tell if this fails, and SIGPIPE ends the demo.
	_, _ = io.WriteString(s.out, frame.String())
}
