package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// churn has namespaces come and go while there are sources that want to be in all
// of them. At the end, those that stay have all mirrors, nothing was complained
// of, and the process has not grown.
func churn(ctx context.Context, s *stage) (err error) {
	const sources, staying = 50, 20
	rounds, each := s.count(10, 2), s.count(50, 5)
	if err := s.makeNamespaces(ctx, staying); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	all := targetPrefix + "*,!kube-*"
	if _, err := s.clock(ctx, sourceWrites(http.MethodPost, "src-", "v1", all, sources, fourKB), sources*staying, written("src-", "v1")); err != nil {
		return err
	}
	var before float64
	for round := range rounds {
		if err := s.comeAndGo(ctx, round, each, sources); err != nil {
			return err
		}
		if round == 0 { // what the first round needs, the others find there
			if before, err = s.restingMemory(ctx, p); err != nil {
				return err
			}
		}
	}
	// A last change must arrive in every namespace that stays.
	if _, err := s.clock(ctx, changes("src-", "v2", sources, fourKB), sources*staying, written("src-", "v2")); err != nil {
		return fmt.Errorf("after the churn: %w", err)
	}
	after, err := s.restingMemory(ctx, p)
	if err != nil {
		return err
	}
	s.add("churn, growth", sample{Value: (after - before) / megabyte, Measured: after / megabyte})
	s.add("churn, complaints", sample{Value: float64(complaints(p.Log()))})
	return nil
}

func (s *stage) restingMemory(ctx context.Context, p *subject) (float64, error) {
	if err := errors.Join(s.quiet(ctx), pause(ctx, 5*time.Second)); err != nil {
		return 0, err
	}
	now, err := p.Memory()
	return float64(now.Resident), err
}

// comeAndGo makes namespaces, and deletes each half of them as soon as it has its
// first mirrors, the other when it has all.
func (s *stage) comeAndGo(ctx context.Context, round, each, sources int) error {
	name := func(i int) string { return fmt.Sprintf("%schurn-%d-%d", targetPrefix, round, i) }
	inRound := func(object metav1.Object) bool {
		return strings.HasPrefix(object.GetNamespace(), fmt.Sprintf("%schurn-%d-", targetPrefix, round))
	}
	arrived := s.seen.expect(func(event watch.EventType, object metav1.Object) bool {
		return event == watch.Added && inRound(object)
	})
	gone := s.seen.expect(func(event watch.EventType, object metav1.Object) bool {
		return event == watch.Deleted && inRound(object)
	})
	var create, early, late []write
	for i := range each {
		create = append(create, namespaceWrite(name(i)))
		remove := write{method: http.MethodDelete, path: "/api/v1/namespaces/" + name(i)}
		if i%2 == 0 {
			early = append(early, remove)
		} else {
			late = append(late, remove)
		}
	}
	if err := s.raw.all(ctx, create); err != nil {
		return err
	}
	if err := s.raw.all(ctx, early); err != nil {
		return err
	}
	if _, err := arrived.wait(ctx, len(late)*sources); err != nil {
		return fmt.Errorf("mirrors in new namespaces: %w", err)
	}
	if err := s.raw.all(ctx, late); err != nil {
		return err
	}
	if _, err := gone.wait(ctx, len(late)*sources); err != nil {
		return fmt.Errorf("namespaces that go: %w", err)
	}
	return nil
}

// complaints counts the lines of a log that speak of an error or worse, in klog's
// form or as JSON.
func complaints(log string) int {
	n := 0
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "E") || strings.HasPrefix(line, "panic") || strings.HasPrefix(line, "fatal") ||
			strings.Contains(line, `"level":"error"`) || strings.Contains(line, "\tERROR\t") {
			n++
		}
	}
	return n
}
