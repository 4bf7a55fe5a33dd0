package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what is printed, and written as JSON.
type report struct {
	Date    string `json:"date"`
	Took    string `json:"took"`
	Runs    int    `json:"runs"`
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	Server  string `json:"kubernetes"`
	Figures []line `json:"figures"`
}

// line is one figure with its samples, by contender.
type line struct {
	figure
	Samples map[string][]sample `json:"samples"`
}

func (r *results) report(s settings, took time.Duration) report {
	rep := report{
		Date: time.Now().UTC().Format(time.DateOnly), Took: took.Round(time.Second).String(),
		Runs: s.runs, Cores: runtime.NumCPU(), Go: runtime.Version(), Server: r.server,
	}
	for _, f := range figures {
		if samples := r.samples[f.Name]; len(samples) > 0 {
			rep.Figures = append(rep.Figures, line{f, samples})
		}
	}
	return rep
}

// table shows medians, and the spread from the least to the most.
func (r report) table() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s, %d runs in %s, %d cores, %s, Kubernetes %s\n\n", r.Date, r.Runs, r.Took, r.Cores, r.Go, r.Server)
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	peer := r.hasPeer()
	_, _ = fmt.Fprint(w, "figure\tsetting\tmedian\tspread\tmust reach\t\t")
	if peer {
		_, _ = fmt.Fprint(w, "peer\t")
	}
	_, _ = fmt.Fprintln(w)
	for _, l := range r.Figures {
		verdict := "ok"
		switch {
		case l.over() && l.judged():
			verdict = "OVER"
		case l.over():
			verdict = "over, not judged"
		}
		ours := l.Samples["kubemirror"]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t≤ %s\t%s\t", l.Name, l.What, l.median(ours), l.spread(ours), l.show(l.Goal), verdict)
		if peer {
			_, _ = fmt.Fprintf(w, "%s\t", l.median(l.Samples["peer"]))
		}
		_, _ = fmt.Fprintln(w)
	}
	_ = w.Flush() // to memory
	return text.String()
}

func (r report) hasPeer() bool {
	for _, l := range r.Figures {
		if len(l.Samples["peer"]) > 0 {
			return true
		}
	}
	return false
}

func (l line) show(v float64) string {
	switch l.Unit {
	case "":
		return fmt.Sprintf("%.0f", v)
	case octets:
		return fmt.Sprintf("%.0f %s", v, octets)
	case mega:
		return fmt.Sprintf("%.1f %s", v, mega)
	}
	return fmt.Sprintf("%.2f %s", v, l.Unit)
}

// median is shown with the two sides of a ratio.
func (l line) median(samples []sample) string {
	if len(samples) == 0 {
		return "–"
	}
	text := l.show(median(samples, func(s sample) float64 { return s.Value }))
	if raw := median(samples, func(s sample) float64 { return s.Raw }); raw > 0 {
		text += fmt.Sprintf(" (%s : %s ms)", threeDigits(median(samples, func(s sample) float64 { return s.Measured })), threeDigits(raw))
	}
	return text
}

// threeDigits leaves out what is noise in v, and the exponent that %g takes instead.
func threeDigits(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (l line) spread(samples []sample) string {
	if len(samples) == 0 {
		return "–"
	}
	least, most := samples[0].Value, samples[0].Value
	for _, s := range samples {
		least, most = min(least, s.Value), max(most, s.Value)
	}
	return fmt.Sprintf("%.4g – %.4g", least, most)
}

// over reports whether the median misses the goal.
func (l line) over() bool {
	return median(l.Samples["kubemirror"], func(s sample) float64 { return s.Value }) > l.Goal
}

func (r report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for anybody to read
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil { //nolint:gosec // for anybody to read
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// over is an error that names the judged figures which miss their goals.
func (r report) over() error {
	var over []error
	for _, l := range r.Figures {
		if l.judged() && l.over() {
			over = append(over, fmt.Errorf("%s: %s, must be at most %s", l.Name, l.median(l.Samples["kubemirror"]), l.show(l.Goal)))
		}
	}
	return errors.Join(over...)
}
