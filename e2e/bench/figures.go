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
}

// The units. A count has none.
const (
	timesRaw = "× raw"
	octets   = "B"
	mega     = "MB"
)

// judged says that to miss the goal is a failure: counts, bytes and memory don't depend
// on the machine, and times do.
func (f figure) judged() bool { return f.Unit == "" || f.Unit == octets || f.Unit == mega }

// figures are all there are, in the order of the report.
var figures = slices.Concat(both(costFigures), receivedFigures, both(typeFigures), speedFigures, bundleFigures, growthFigures, originFigures, both(scaleFigures))

// plainly ends the names of figures on an API server that doesn't stream lists.
const plainly = ", plain lists"

// both are the figures with streamed lists, and after them those without that are judged.
func both(streamed []figure) []figure {
	all := slices.Clone(streamed)
	for _, f := range streamed {
		if f.Name == "reads" {
			f.What, f.Goal = "the list by which the watch of mirrors begins", 1
		}
		if f.judged() {
			f.Name += plainly
			all = append(all, f)
		}
	}
	return all
}

var costFigures = []figure{
	{"writes", "requests for 1,000 mirrors: 5 Secrets of 4 KB to 200 namespaces", "", 1010},
	{"reads", "the same", "", 0},
	{"at rest", "requests in 20 s", "", 0},
	{"restart, writes", "on these 1,000 that are right", "", 0},
	{"restart, gets", "the same", "", 0},
	{"restart, peak memory", "the same", mega, 45},
	{"memory", "resident, at the end of the fan-out", mega, 45},
	{"memory, anonymous", "the part of it that isn't file pages", mega, 20},
	{"memory, peak", "resident, until then", mega, 45},
	{"CPU", "of the process, from its start to the end of the fan-out", "s", 0.6},
	{"5,000 mirrors, restart, writes", "25 Secrets of 4 KB to 200 namespaces", "", 0},
	{"5,000 mirrors, restart, gets", "the same", "", 0},
	{"5,000 mirrors, restart, peak memory", "the same", mega, 60},
}

// receivedFigures are of all that the API server sends, on the wire.
var receivedFigures = []figure{
	{"received a mirror of 4 KB", "1,000 namespaces rather than one, in the fan-out", octets, 3000},
	{"received a mirror of 4 KB, restart", "the same, at a restart", octets, 3000},
	// Some 600 bytes of it are the frames by which HTTP/2 lets more of our own write come.
	{"received a mirror of 256 KB", "1,000 namespaces rather than one, in the fan-out", octets, 4000},
	{"received a mirror of 256 KB, restart", "the same, at a restart", octets, 3000},
}

var typeFigures = []figure{
	{"200 idle types, memory", "resident, with 200 definitions beside the server's own types", mega, 60},
	{"200 idle types, peak memory", "until then", mega, 66}, // 200 lists at a time
}

var speedFigures = []figure{
	{"fan-out", "5 Secrets of 4 KB to 200 namespaces", timesRaw, 1.2},
	{"update", "each of the 5 changed once", timesRaw, 1.2},
	{"delete", "the 5 deleted", timesRaw, 1.3},
	{"latency, median", "one source to one target; raw: two writes in a row", timesRaw, 1.5},
	{"latency, p99", "the same", timesRaw, 3},
	{"behind a storm", "the same while another goes to 200", "× alone", 3},
	{"behind a storm, raw", "the same; raw: two writes behind 200 raw ones", timesRaw, 1.5},
}

var bundleFigures = []figure{
	{"256 KB, fan-out", "a Secret of 256 KB to 1,000 namespaces", timesRaw, 1.1},
	{"256 KB, update", "changed once", timesRaw, 1.1},
	{"256 KB, restart", "until it is ready; raw: a list of the mirrors' metadata", timesRaw, 50},
	{"256 KB, restart, writes", "the same", "", 0},
	{"256 KB, restart, gets", "the same", "", 0},
	{"256 KB, restart, peak memory", "the same", mega, 45},
	{"256 KB, writes", "requests for these 1,000 mirrors", "", 1002},
	{"256 KB, reads", "the same", "", 0},
	{"256 KB, memory", "resident, at the end of the fan-out", mega, 45},
	{"256 KB, memory, anonymous", "the part of it that isn't file pages", mega, 45},
	{"256 KB, memory, peak", "resident, until then", mega, 60},
	{"256 KB, CPU", "of the process, from its start to the end of the fan-out", "s", 1.5},
}

var growthFigures = []figure{
	// Some 400 bytes of it are client-go's: the entry in its store, and the index of that.
	{"memory a mirror of 4 KB", "growth from 200 to 4,000 namespaces with 5 mirrors each", octets, 1800},
	{"memory a mirror of 64 KB", "the same", octets, 1800},
	{"20,000 mirrors of 4 KB, restart", "until it is ready", "s", 5},
	{"20,000 mirrors of 4 KB, restart, peak memory", "the same", mega, 100},
	{"20,000 mirrors of 64 KB, restart", "until it is ready", "s", 5},
	{"20,000 mirrors of 64 KB, restart, peak memory", "the same", mega, 100},
	{"20,000 mirrors of 64 KB and of 4 KB, restart", "until it is ready", "× of 4 KB", 1.5},
	{"churn, complaints", "500 namespaces come and go, 50 sources want to be in all", "", 0},
	{"churn, growth", "the same", mega, 10},
}

var originFigures = []figure{
	{"origins, writes", "100 stand-ins for Secrets of 4 KB, and 1,000 requests for one, to one namespace", "", 3320},
	{"origins, memory", "growth by 200 stand-ins and 1,000 requests, anonymous", mega, 60},
	{"origins, restart, writes", "on these 1,200 mirrors that are right", "", 0},
	{"origins, restart, gets", "the same; each of the 20 workers may read the one source once", "", 20},
	{"origins, restart, peak memory", "the same", mega, 130},
}

var scaleFigures = []figure{
	{"scale, converges", "100 Secrets of 4 KB to 1,000 namespaces", timesRaw, 1.25},
	{"scale, memory", "resident, with 100,000 mirrors", mega, 250},
	{"scale, memory, anonymous", "the part of it that isn't file pages", mega, 250},
	{"scale, memory, peak", "resident, until then", mega, 320},
	{"scale, new namespace", "one more of them, from its creation until it is complete", timesRaw, 1.25},
	{"scale, restart", "until all is in sync", "s", 60},
	{"scale, restart, writes", "the same", "", 0},
	{"scale, restart, gets", "the same", "", 0},
	{"scale, restart, peak memory", "the same", mega, 320},
}

// results has the samples of each figure and contender.
type results struct {
	samples map[string]map[string][]sample
	server  string // the API server's version
	// restartOfSmall is how long each contender's last restart on small mirrors took.
	restartOfSmall map[string]time.Duration
}

func newResults() *results {
	return &results{samples: map[string]map[string][]sample{}, restartOfSmall: map[string]time.Duration{}}
}

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
