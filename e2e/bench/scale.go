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

	// The raw rate is measured before and after: it falls as the store fills.
	const tenth = sources / 10
	before, err := s.clock(ctx, copyWrites(http.MethodPost, "raw-a", "v1", tenth, targets, fourKB), tenth*targets, written("raw-a", "v1"))
	if err != nil {
		return err
	}
	took, err := s.clock(ctx, sourceWrites(http.MethodPost, "src-", "v1", targetPrefix+"*", sources, fourKB), sources*targets, written("src-", "v1"))
	if err != nil {
		return err
	}
	after, err := s.clock(ctx, copyWrites(http.MethodPost, "raw-b", "v1", tenth, targets, fourKB), tenth*targets, written("raw-b", "v1"))
	if err != nil {
		return err
	}
	s.add("scale, converges", ratio(took, (before+after)/2*sources/tenth))
	if err := errors.Join(s.quiet(ctx), pause(ctx, 15*time.Second)); err != nil {
		return err
	}
	now, peak, err := p.memory()
	if err != nil {
		return err
	}
	s.add("scale, memory", sample{Value: now / megabyte})
	s.add("scale, peak memory", sample{Value: peak / megabyte})
	if err := s.newNamespace(ctx, sources); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	p, err = s.restartAtScale(ctx)
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

func (s *stage) restartAtScale(ctx context.Context) (*subject, error) {
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	p, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	if err := s.quiet(ctx); err != nil {
		return p, err
	}
	writes, _, err := s.requests(ctx, mark)
	if err != nil {
		return p, err
	}
	_, peak, err := p.memory()
	s.add("scale, restart", sample{Value: took.Seconds()})
	s.add("scale, restart, writes", sample{Value: float64(writes)})
	s.add("scale, restart, peak memory", sample{Value: peak / megabyte})
	return p, err
}
