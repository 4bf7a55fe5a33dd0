package main

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTheTableOfSourcesFitsTheScreen(t *testing.T) {
	t.Parallel()
	many := []string{"app-api", "app-lab", "app-web", "billing", "orders", "store-dev", "web-shop"}
	got := sourceTable([]row{
		{source: "Secret database", asks: "orders,billing", mirrors: []string{"billing", "orders"}, total: 2, took: 11 * time.Millisecond, whole: true},
		{source: "ConfigMap cluster", asks: "all,!kube-*", mirrors: many, total: 12},
		{source: "Middleware compression", asks: "web-*", total: 2},
	})
	want := []string{
		"SOURCE                  WANTED IN       MIRRORS IN               SYNCED     TOOK",
		"Secret database         orders,billing  billing orders              2/2    11 ms",
		"ConfigMap cluster       all,!kube-*     app-api app-lab +5         7/12        …",
		"Middleware compression  web-*                                       0/2        …",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, line := range got {
		if n := utf8.RuneCountInString(line); n != width {
			t.Errorf("%d wide: %s", n, line)
		}
	}
}

func TestColumnsLineUp(t *testing.T) {
	t.Parallel()
	got := columns([][]string{{"KEY", "dev", "n"}, {"größe", "–", "10"}, {"x", "", ""}}, 2)
	want := []string{"KEY    dev   n", "größe  –    10", "x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNamesThatDoNotFitAreCounted(t *testing.T) {
	t.Parallel()
	names := []string{"one", "two", "three"}
	for room, want := range map[int]string{13: "one two three", 12: "one two +1", 9: "one +2", 5: ""} {
		if got := someOf(names, room); got != want {
			t.Errorf("in %d: %q, want %q", room, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second:               "<1 ms", // the event came before the call returned
		900 * time.Microsecond:     "<1 ms",
		1600 * time.Microsecond:    "2 ms",
		999 * time.Millisecond:     "999 ms",
		999_700 * time.Microsecond: "1.0 s",
		12_340 * time.Millisecond:  "12.3 s",
		100_000 * time.Millisecond: "100.0 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestEveryStepFitsItsLine(t *testing.T) {
	t.Parallel()
	for _, step := range new(show).steps() {
		if line := entry(step.says, "2", "999 ms"); utf8.RuneCountInString(line) != width {
			t.Errorf("%d wide: %s", utf8.RuneCountInString(line), line)
		}
	}
}
