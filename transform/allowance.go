package transform

import (
	"errors"
	"time"
)

const (
	// A step is one node of a template, or this many bytes handled by a
	// function: both take well under a microsecond.
	bytesPerStep = 64
	// The clock is asked once in so many steps. A template of everyday size
	// never gets there, so a process that stands still for a while (a busy
	// node, a CPU limit) can't make an innocent template fail.
	stepsPerLook = 1024
)

var (
	errTooLong = errors.New("the template takes longer than its time limit: make it simpler")
	errTooBig  = errors.New("the template holds more data than its size limit: make it simpler")
	errTooMuch = errors.New("the rules write more than the output limit: make them simpler")
)

// allowance is what is left to one run of a template. Everything that a
// template can make happen asks here first, so that its bounds hold whatever it
// is made of.
//
// Time is counted in steps: as many as the time limit has microseconds. That
// ends a template at the same place on every machine and under every load, so
// that two runs never differ; the clock is the net beneath, for machines on
// which a step takes longer.
type allowance struct {
	steps    int64
	nextLook int64
	maxSteps int64
	deadline time.Time
	now      func() time.Time
	memory   int64 // bytes that values may still take up
	output   *int  // bytes that may still be written, shared by the templates of one Apply
}

func newAllowance(limits Limits, now func() time.Time, output *int) *allowance {
	return &allowance{
		nextLook: stepsPerLook,
		maxSteps: limits.Timeout.Microseconds(),
		deadline: now().Add(limits.Timeout),
		now:      now,
		memory:   int64(limits.MaxOutput),
		output:   output,
	}
}

// work takes n steps, or fails where there are none left.
func (a *allowance) work(n int) error {
	a.steps += int64(n)
	if a.steps > a.maxSteps {
		return errTooLong
	}
	if a.steps >= a.nextLook {
		a.nextLook = a.steps + stepsPerLook
		if a.now().After(a.deadline) {
			return errTooLong
		}
	}
	return nil
}

// hold takes memory for a value of at most n bytes. It is asked before the
// value is made, so n is an upper bound; nothing is ever given back, so a value
// that is thrown away counts as well.
func (a *allowance) hold(n int64) error {
	if n < 0 || n > a.memory {
		return errTooBig
	}
	a.memory -= n
	return a.work(int(n / bytesPerStep))
}

// write takes n bytes of output.
func (a *allowance) write(n int) error {
	if n > *a.output {
		return errTooMuch
	}
	*a.output -= n
	return a.work(n / bytesPerStep)
}
