package kubemirror

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Metrics is one reading of a process's metrics.
type Metrics struct {
	text string
}

// Metrics reads /metrics.
func (k *Kubemirror) Metrics(ctx context.Context) (Metrics, error) {
	code, text, err := k.get(ctx, "metrics", "/metrics")
	if err != nil {
		return Metrics{}, err
	}
	if code != http.StatusOK {
		return Metrics{}, fmt.Errorf("read the metrics of %s: code %d: %s", k.Name(), code, text)
	}
	return Metrics{text}, nil
}

// String is the text as it was served.
func (m Metrics) String() string { return m.text }

// Sum adds up the values of all series of that name whose labels hold each of
// the given ones, written as they are served: `result="success"`. It is 0
// where there is none; see Has.
func (m Metrics) Sum(name string, labels ...string) float64 {
	sum := 0.0
	for _, value := range m.values(name, labels) {
		sum += value
	}
	return sum
}

// Has reports whether there is a series of that name with these labels.
func (m Metrics) Has(name string, labels ...string) bool { return len(m.values(name, labels)) > 0 }

func (m Metrics) values(name string, labels []string) []float64 {
	var values []float64
	for line := range strings.Lines(m.text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		if !ok || rest == "" || (rest[0] != '{' && rest[0] != ' ') {
			continue
		}
		end := strings.LastIndexByte(rest, ' ')
		value, err := strconv.ParseFloat(rest[end+1:], 64)
		if err == nil && holdsAll(rest[:end], labels) {
			values = append(values, value)
		}
	}
	return values
}

func holdsAll(series string, labels []string) bool {
	for _, label := range labels {
		if !strings.Contains(series, "{"+label) && !strings.Contains(series, ","+label) {
			return false
		}
	}
	return true
}
