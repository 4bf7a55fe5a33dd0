package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// width is what all lines fit into.
const width = 80

// row is one source in the table of the first act.
type row struct {
	source  string // kind and name
	asks    string // what its annotation says
	mirrors []string
	total   int
	took    time.Duration
	whole   bool
}

// sourceTable renders the table of the first act.
func sourceTable(rows []row) []string {
	cells := [][]string{{"SOURCE", "WANTED IN", "MIRRORS IN", "SYNCED", "   TOOK"}}
	for _, r := range rows {
		took := "…"
		if r.whole {
			took = duration(r.took)
		}
		cells = append(cells, []string{r.source, r.asks, "", fmt.Sprintf("%d/%d", len(r.mirrors), r.total), took})
	}
	// The names of the mirrors' namespaces get what the others leave.
	const names = 2
	room := width - utf8.RuneCountInString(columns(cells, 3, 4)[0]) + len(cells[0][names])
	cells[0][names] = fmt.Sprintf("%-*s", room, cells[0][names]) // so that the table stays as wide as it is
	for i, r := range rows {
		cells[i+1][names] = someOf(r.mirrors, room)
	}
	return columns(cells, 3, 4)
}

// columns lines up the cells of a table, two blanks apart. Those columns that are
// named are lined up at their right, the others at their left.
func columns(cells [][]string, right ...int) []string {
	widths := map[int]int{}
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	atRight := map[int]bool{}
	for _, i := range right {
		atRight[i] = true
	}
	lines := make([]string, len(cells))
	for n, line := range cells {
		padded := make([]string, len(line))
		for i, cell := range line {
			blanks := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if atRight[i] {
				padded[i] = blanks + cell
			} else {
				padded[i] = cell + blanks
			}
		}
		lines[n] = strings.TrimRight(strings.Join(padded, "  "), " ")
	}
	return lines
}

// someOf lists as many of the names as fit, and counts the others.
func someOf(names []string, room int) string {
	for n := len(names); n > 0; n-- {
		text := strings.Join(names[:n], " ")
		if n < len(names) {
			text += fmt.Sprintf(" +%d", len(names)-n)
		}
		if len(text) <= room {
			return text
		}
	}
	return ""
}

// entry is a line of the second act: what happened, how many mirrors that touched,
// and how long it took.
func entry(happened, mirrors, took string) string {
	const small = 8
	return fmt.Sprintf("%-*s %*s %*s", width-2*(small+1), happened, small, mirrors, small, took)
}

// duration is a time as people compare it: to the millisecond below a second.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1 ms"
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
