package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// costs is what a few sources to many namespaces cost in requests, memory and time of
// the CPU, at work, at rest and at a restart; and what a restart does with five times as
// many mirrors.
func costs(ctx context.Context, s *stage) (err error) {
	if err := s.makeNamespaces(ctx, few.targets); err != nil {
		return err
	}
	if err := s.makeBystanders(ctx, s.count(5000, 100), fourKB); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := s.first(ctx, p, few); err != nil {
		return err
	}
	if err := s.atRest(ctx); err != nil {
		return err
	}
	if p, err = s.restart(ctx, p, ""); err != nil || s.short {
		return err
	}
	const more = 20
	writes := sourceWrites(http.MethodPost, "more-", "v1", targetPrefix+"*", more, fourKB)
	if _, err := s.clock(ctx, writes, more*few.targets, written("more-", "v1")); err != nil {
		return fmt.Errorf("wait for more mirrors: %w", err)
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	p, err = s.restart(ctx, p, "5,000 mirrors, ")
	return err
}

// first is what the process spends on the first fan-out, its start included.
func (s *stage) first(ctx context.Context, p *subject, l load) error {
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return err
	}
	if _, err := s.measured(ctx, creates, l, "first"); err != nil {
		return err
	}
	cpu, err := p.CPUTime()
	if err != nil {
		return err
	}
	s.add(l.name+"CPU", sample{Value: cpu.Seconds()})
	if err := s.quiet(ctx); err != nil {
		return err
	}
	writes, reads, err := s.requests(ctx, mark)
	if err != nil {
		return err
	}
	s.add(l.name+"writes", sample{Value: float64(writes)})
	s.add(l.name+"reads", sample{Value: float64(reads)})
	return s.addMemory(p, l.name)
}

// addMemory adds what the process has now, and the most that it ever had.
func (s *stage) addMemory(p *subject, name string) error {
	m, err := p.Memory()
	if err != nil {
		return err
	}
	s.add(name+"memory", sample{Value: float64(m.Resident) / megabyte})
	s.add(name+"memory, anonymous", sample{Value: float64(m.Anonymous) / megabyte})
	s.add(name+"memory, peak", sample{Value: float64(m.Peak) / megabyte})
	return nil
}

// restart stops the contender and starts it on mirrors that are right. It counts what it
// writes then, and the objects that it gets one by one.
func (s *stage) restart(ctx context.Context, p *subject, name string) (*subject, error) {
	if err := p.stop(); err != nil {
		return p, err
	}
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return p, err
	}
	if p, err = s.start(ctx); err != nil {
		return p, err
	}
	writes, _, err := s.requests(ctx, mark)
	if err != nil {
		return p, err
	}
	gets, err := s.gets(ctx, mark)
	if err != nil {
		return p, err
	}
	s.add(name+"restart, writes", sample{Value: float64(writes)})
	s.add(name+"restart, gets", sample{Value: float64(gets)})
	m, err := p.Memory()
	if err != nil {
		return p, fmt.Errorf("after the restart: %w", err)
	}
	s.add(name+"restart, peak memory", sample{Value: float64(m.Peak) / megabyte})
	return p, nil
}
