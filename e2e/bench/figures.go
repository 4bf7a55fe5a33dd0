package main

import (
	"slices"
	"time"
)

// sample is one value of a figure. A ratio has its two sides with it, in
// milliseconds.
type sample struct {
	Value    float64 `json:"value"`
	Measured float64 `json:"measured,omitempty"`
	Raw      float64 `json:"raw,omitempty"`
}

func ratio(measured, raw time.Duration) sample {
	m, r := float64(measured.Microseconds())/1000, float64(raw.Microseconds())/1000
	return sample{Value: m / r, Measured: m, Raw: r}
}

// figure is one line of the report. Every goal is a most.
type figure struct {
	Name string  `json:"name"`
	What string  `json:"what"`
	Unit string  `json:"unit"`
	Goal float64 `json:"goal"`
	// Count says that the figure doesn't depend on the machine.
	Count bool `json:"count"`
}

const timesRaw = "× raw"

// figures are all there are, in the order of the report.
var figures = []figure{
	{"fan-out", "5 Secrets of 4 KB to 200 namespaces", timesRaw, 1.25, false},
	{"update", "each of the 5 changed once", timesRaw, 1.25, false},
	{"delete", "the 5 deleted", timesRaw, 1.3, false},
	{"writes", "requests for these 1,000 mirrors", "", 1010, true},
	{"reads", "the same", "", 0, true},
	{"at rest", "requests in 20 s", "", 0, true},
	{"restart, writes", "on 1,000 mirrors that are right", "", 0, true},
	{"restart, gets", "the same", "", 0, true},
	{"restart, peak memory", "the same", "MB", 40, false},
	{"memory", "resident, at the end of the fan-out", "MB", 40, false},
	{"memory, peak", "until then", "MB", 40, false},
	{"CPU", "of the process, from its start to the end of the fan-out", "s", 0.6, false},
	{"latency, median", "one source to one target; raw: two writes in a row", timesRaw, 1.5, false},
	{"latency, p99", "the same", timesRaw, 3, false},
	{"behind a storm", "the same while another goes to 200", "× alone", 3, false},
	{"behind a storm, raw", "the same; raw: two writes behind 200 raw ones", timesRaw, 1.5, false},
	{"memory a mirror of 4 KB", "growth from 200 to 4,000 namespaces with 5 mirrors each", "B", 1500, false},
	{"memory a mirror of 64 KB", "growth from 200 to 4,000 namespaces with 5 mirrors each", "B", 1500, false},
	{"churn, complaints", "500 namespaces come and go, 50 sources want to be in all", "", 0, true},
	{"churn, growth", "the same", "MB", 10, false},
	{"scale, converges", "100 sources to 1,000 namespaces", timesRaw, 1.25, false},
	{"scale, memory", "resident, with 100,000 mirrors", "MB", 250, false},
	{"scale, peak memory", "until then", "MB", 250, false},
	{"scale, new namespace", "one more of them, from its creation until it is complete", timesRaw, 1.25, false},
	{"scale, restart", "until all is in sync", "s", 60, false},
	{"scale, restart, writes", "the same", "", 0, true},
	{"scale, restart, peak memory", "the same", "MB", 250, false},
}

// results has the samples of each figure and contender.
type results struct {
	samples map[string]map[string][]sample
	server  string // the API server's version
}

func newResults() *results { return &results{samples: map[string]map[string][]sample{}} }

func (r *results) add(figure, contender string, value sample) {
	if r.samples[figure] == nil {
		r.samples[figure] = map[string][]sample{}
	}
	r.samples[figure][contender] = append(r.samples[figure][contender], value)
}

// median of one of the numbers in samples.
func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
