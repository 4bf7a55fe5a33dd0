package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scale mirrors 100 sources to 1,000 namespaces.
func scale(ctx context.Context, s *stage) (err error) {
	const sources, targets = 100, 1000
	if err := s.makeNamespaces(ctx, targets); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()

	if err := s.fill(ctx, sources, targets); err != nil {
		return err
	}
	if err := errors.Join(s.quiet(ctx), pause(ctx, settling)); err != nil {
		return err
	}
	if err := s.addMemory(p, "scale, "); err != nil {
		return err
	}
	if !s.plain {
		if err := s.newNamespace(ctx, sources); err != nil {
			return err
		}
	}
	begin := time.Now()
	if p, err = s.restart(ctx, p, "scale, "); err != nil {
		return err
	}
	s.add("scale, restart", sample{Value: time.Since(begin).Seconds()})
	return nil
}

// fill makes the mirrors. The raw rate is measured before and after: it falls as the
// store fills.
func (s *stage) fill(ctx context.Context, sources, targets int) error {
	part := load{"", sources / 10, targets, fourKB}
	raw := func(prefix string) (time.Duration, error) {
		if s.plain { // nothing is timed here
			return 0, nil
		}
		return s.clock(ctx, copyWrites(http.MethodPost, prefix, "v1", part), part.mirrors(), written(prefix, "v1"))
	}
	before, err := raw("raw-a")
	if err != nil {
		return err
	}
	took, err := s.clock(ctx, sourceWrites(http.MethodPost, "src-", "v1", targetPrefix+"*", sources, fourKB), sources*targets, written("src-", "v1"))
	if err != nil {
		return err
	}
	after, err := raw("raw-b")
	if err == nil && !s.plain {
		s.add("scale, converges", ratio(took, (before+after)/2*10))
	}
	return err
}

// newNamespaces is how many are made by each side.
const newNamespaces = 20

// newNamespace measures how fast a new namespace is complete, from its creation on.
// It is a latency, short enough for one garbage collection of the API server to
// double it: hence medians.
func (s *stage) newNamespace(ctx context.Context, sources int) error {
	var raw, measured []time.Duration
	for i := range newNamespaces {
		err := s.inTurns(func() error {
			took, err := s.fillNamespace(ctx, fmt.Sprintf("raw-new-%02d", i), sources)
			raw = append(raw, took)
			return err
		}, func() error {
			name := fmt.Sprintf("%snew-%02d", targetPrefix, i)
			took, err := s.clock(ctx, []write{namespaceWrite(name)}, sources, addedIn(name))
			measured = append(measured, took)
			return errors.Join(err, s.quiet(ctx)) // the sources' statuses come behind it
		})
		if err != nil {
			return err
		}
	}
	s.add("scale, new namespace", ratio(percentile(measured, 50), percentile(raw, 50)))
	return nil
}

// fillNamespace is the raw limit: a namespace, and then its copies.
func (s *stage) fillNamespace(ctx context.Context, name string, copies int) (time.Duration, error) {
	start := time.Now()
	if err := s.raw.one(ctx, namespaceWrite(name)); err != nil {
		return 0, err
	}
	created := time.Since(start)
	took, err := s.clock(ctx, copiesIn(name, copies), copies, addedIn(name))
	return created + took, err
}

func addedIn(namespace string) func(watch.EventType, metav1.Object) bool {
	return func(event watch.EventType, object metav1.Object) bool {
		return event == watch.Added && object.GetNamespace() == namespace
	}
}
