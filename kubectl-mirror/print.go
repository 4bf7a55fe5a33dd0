package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

// isTerminal reports whether somebody looks at what is written there.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// busy says what is being done, on a terminal and when it takes more than a second. The
// function that it returns ends that.
func (c *command) busy(doing string) (done func()) {
	if !isTerminal(c.streams.ErrOut) {
		return func() {}
	}
	shown, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(shown)
		select {
		case <-time.After(time.Second):
			_, _ = fmt.Fprint(c.streams.ErrOut, doing, " …")
			<-ended
			_, _ = fmt.Fprint(c.streams.ErrOut, "\r\x1b[K")
		case <-ended:
		}
	}()
	return func() {
		close(ended)
		<-shown
	}
}

// palette colours states, on a terminal only.
type palette bool

func (c *command) palette() palette {
	return palette(isTerminal(c.streams.Out) && os.Getenv("NO_COLOR") == "")
}

func (p palette) paint(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Colours, as terminals number them.
const (
	green, red, yellow, dim = "32", "31", "33", "2"
)

// checks prints the steps; those that were not reached in one line, at the end.
func printChecks(w io.Writer, p palette, checks []explain.Check) {
	var skipped []string
	for _, check := range checks {
		switch check.State {
		case explain.NotReached:
			skipped = append(skipped, check.Name)
		case explain.OK:
			line(w, p.paint(green, "ok   "), check.Name, check.Text)
		case explain.No:
			line(w, p.paint(red, "NO   "), check.Name, check.Text)
		case explain.Unknown:
			line(w, p.paint(yellow, "?    "), check.Name, check.Text)
		}
	}
	if len(skipped) > 0 {
		_, _ = fmt.Fprintf(w, "%s %s: not reached\n", p.paint(dim, "-    "), strings.Join(skipped, ", "))
	}
}

func line(w io.Writer, state, name, text string) {
	_, _ = fmt.Fprintf(w, "%s %-13s  %s\n", state, name, printable(text))
}

// table prints rows in columns, as kubectl does.
func table(w io.Writer, rows [][]string) {
	widths := map[int]int{}
	for _, row := range rows {
		for n, cell := range row {
			cell = printable(cell)
			row[n] = cell
			widths[n] = max(widths[n], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for n, cell := range row {
			b.WriteString(cell)
			if n < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[n]-len([]rune(cell))+3))
			}
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// printable is a text without what a terminal would obey: annotations are somebody's words.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// age is a time span as kubectl writes it; "-" for none.
func age(since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	return duration.HumanDuration(time.Since(since))
}
