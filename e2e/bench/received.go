package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// receivedSmall and receivedLarge count what a mirror costs in bytes from the API
// server. Nothing is timed: a relay is in between, which takes its part of the CPU.
func receivedSmall(ctx context.Context, s *stage) error { return s.received(ctx, "4 KB", fourKB) }

func receivedLarge(ctx context.Context, s *stage) error { return s.received(ctx, "256 KB", largeKB) }

// received compares a source that goes to one namespace with one that goes to all, so
// that what a source and the namespaces cost, which is their content, is not counted
// along: in a fan-out, and at a restart.
func (s *stage) received(ctx context.Context, size string, bytes int) (err error) {
	targets := s.count(1000, 100)
	if err := s.makeNamespaces(ctx, targets); err != nil {
		return err
	}
	if s.relay, err = newRelay(ctx, s.plane.URL()); err != nil {
		return err
	}
	one, err := s.receivedFor(ctx, "one", targetName(0), 1, bytes)
	if err != nil {
		return fmt.Errorf("one mirror: %w", err)
	}
	all, err := s.receivedFor(ctx, "all", targetPrefix+"*", targets, bytes)
	if err != nil {
		return fmt.Errorf("all mirrors: %w", err)
	}
	more := float64(targets - 1)
	s.add("received a mirror of "+size, sample{Value: float64(all.fanOut-one.fanOut) / more})
	s.add("received a mirror of "+size+", restart", sample{Value: float64(all.restart-one.restart) / more})
	return nil
}

// bytesReceived is what a process has received, to make mirrors and to find them there.
type bytesReceived struct{ fanOut, restart int64 }

// receivedFor has one source mirrored, restarts the contender, and deletes the source.
func (s *stage) receivedFor(ctx context.Context, name, targets string, mirrors, bytes int) (r bytesReceived, err error) {
	p, err := s.start(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	before := s.relay.received.Load()
	create := write{method: http.MethodPost, path: secretsPath(sourceNamespace), body: source(name, "v1", targets, bytes)}
	if _, err := s.clock(ctx, []write{create}, mirrors, written(name, "v1")); err != nil {
		return r, err
	}
	if err := s.quiet(ctx); err != nil {
		return r, err
	}
	r.fanOut = s.relay.received.Load() - before
	if err := p.stop(); err != nil {
		return r, err
	}
	before = s.relay.received.Load()
	if p, err = s.start(ctx); err != nil {
		return r, err
	}
	r.restart = s.relay.received.Load() - before
	remove := write{method: http.MethodDelete, path: secretsPath(sourceNamespace) + "/" + name}
	_, err = s.clock(ctx, []write{remove}, mirrors, deleted(name))
	return r, errors.Join(err, s.quiet(ctx))
}
