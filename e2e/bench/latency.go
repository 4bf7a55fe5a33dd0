package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// latency measures how long one source takes to one target: alone, and while
// another source is on its way to many.
func latency(ctx context.Context, s *stage) (err error) {
	if err := s.makeNamespaces(ctx, few.targets); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()

	var raw, measured []time.Duration
	for i := range s.count(300, 20) {
		err := s.inTurns(func() error {
			d, err := s.twoWrites(ctx, fmt.Sprintf("raw-%04d", i))
			raw = append(raw, d)
			return err
		}, func() error {
			d, err := s.oneSource(ctx, fmt.Sprintf("one-%04d", i))
			measured = append(measured, d)
			return err
		})
		if err != nil {
			return err
		}
	}
	const warm = 10 // the first ones open connections and watches
	raw, measured = raw[warm:], measured[warm:]
	s.add("latency, median", ratio(percentile(measured, 50), percentile(raw, 50)))
	s.add("latency, p99", ratio(percentile(measured, 99), percentile(raw, 99)))

	var behindRaw, behind []time.Duration
	for i := range s.count(10, 2) {
		err := s.inTurns(func() error {
			d, err := s.behindStorm(ctx, s.rawStorm(i), func(n int) (time.Duration, error) {
				return s.twoWrites(ctx, fmt.Sprintf("behind-raw-%d-%04d", i, n))
			})
			behindRaw = append(behindRaw, d...)
			return err
		}, func() error {
			d, err := s.behindStorm(ctx, s.storm(i), func(n int) (time.Duration, error) {
				return s.oneSource(ctx, fmt.Sprintf("behind-%d-%04d", i, n))
			})
			behind = append(behind, d...)
			return err
		})
		if err != nil {
			return err
		}
	}
	s.add("behind a storm", ratio(percentile(behind, 50), percentile(measured, 50)))
	s.add("behind a storm, raw", ratio(percentile(behind, 50), percentile(behindRaw, 50)))
	return nil
}

// twoWrites is the raw limit: a source, and then its copy.
func (s *stage) twoWrites(ctx context.Context, name string) (time.Duration, error) {
	t := s.seen.expect(written(name, "v1"))
	start := time.Now()
	err := s.raw.one(ctx, copyWrite(http.MethodPost, sourceNamespace, name, "v1", fourKB))
	if err != nil {
		return 0, err
	}
	if err := s.raw.one(ctx, copyWrite(http.MethodPost, targetName(0), name, "v1", fourKB)); err != nil {
		return 0, err
	}
	end, err := t.wait(ctx, 1)
	return end.Sub(start), err
}

func (s *stage) oneSource(ctx context.Context, name string) (time.Duration, error) {
	create := write{method: http.MethodPost, path: secretsPath(sourceNamespace), body: source(name, "v1", targetName(0), fourKB)}
	return s.clock(ctx, []write{create}, 1, written(name, "v1"))
}

// storm is many mirrors, and what has them written.
type storm struct {
	name   string
	writes []write
}

// storm is one source that goes to all targets.
func (s *stage) storm(n int) storm {
	name := fmt.Sprintf("storm-%d", n)
	return storm{name, []write{{method: http.MethodPost, path: secretsPath(sourceNamespace), body: source(name, "v1", targetPrefix+"*", fourKB)}}}
}

// rawStorm is the same from the raw client.
func (s *stage) rawStorm(n int) storm {
	name := fmt.Sprintf("rawstorm-%d-", n)
	return storm{name, copyWrites(http.MethodPost, name, "v1", load{"", 1, few.targets, fourKB})}
}

// behindStorm does one thing after the other for as long as a storm goes on, and
// says how long each took.
func (s *stage) behindStorm(ctx context.Context, storm storm, one func(n int) (time.Duration, error)) ([]time.Duration, error) {
	t := s.seen.expect(written(storm.name, "v1"))
	sent := make(chan error, 1)
	go func() { sent <- s.raw.all(ctx, storm.writes) }()
	var behind []time.Duration
	for n := 0; ; n++ {
		d, err := one(n)
		if err != nil {
			return nil, err
		}
		counted, _, err := t.now()
		if err != nil {
			return nil, err
		}
		if counted >= few.targets {
			break // the storm was over before this was
		}
		behind = append(behind, d)
	}
	_, err := t.wait(ctx, few.targets)
	return behind, errors.Join(<-sent, err, pause(ctx, 200*time.Millisecond)) // a source's status is written too
}

// percentile of durations, in whole percent.
func percentile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
