package main

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// bundles has one large source go to many namespaces: what it costs, how it restarts,
// and races. Each turn of those leaves half a gigabyte with the API server and the store.
func bundles(ctx context.Context, s *stage) (err error) {
	l := bundle
	l.targets = s.count(l.targets, 100)
	if err := s.makeNamespaces(ctx, l.targets); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := s.first(ctx, p, l); err != nil {
		return err
	}
	if p, err = s.restart(ctx, p, l.name); err != nil {
		return err
	}
	raw, err := s.rawRestart(ctx)
	if err != nil {
		return err
	}
	s.add(l.name+"restart", ratio(p.readyAfter, raw))
	for _, r := range []race{creates, updates} {
		if err := s.race(ctx, r, l, s.count(2, 1)); err != nil {
			return err
		}
	}
	return nil
}

// rawRestart is how long it takes to ask what mirrors there are: nobody can know it
// faster.
func (s *stage) rawRestart(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	_, err := s.raw.get(ctx, "/api/v1/secrets?resourceVersion=0&labelSelector="+url.QueryEscape(domain+"mirror=true"), metadataListOnly)
	return time.Since(start), err
}
