package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// step changes one thing.
type step struct {
	says string
	// do makes the change. What it returns says whether the board has heard of
	// it; until then, all may look right because it is still as it was.
	do func(context.Context) (heard, error)
}

type heard func(objects) bool

// pause lets whoever watches a terminal read a line before the next one comes.
const pause = 600 * time.Millisecond

// changes is the second act: one change after the other, each with the number of
// mirrors that it concerned and the time until the last of them was right.
func (s *show) changes(ctx context.Context) error {
	s.screen.keep("", entry("Then things change:", "mirrors", "took"), "")
	for _, step := range s.steps() {
		s.screen.draw(entry(step.says, "", "…"))
		if s.screen.live {
			time.Sleep(pause)
		}
		s.board.count()
		heard, err := step.do(ctx)
		returned := time.Now()
		if err != nil {
			return fmt.Errorf("%s: %w", step.says, err)
		}
		right, err := s.board.until(func(o objects) error {
			if !heard(o) {
				return errors.New("the server has not told of that")
			}
			return o.wrong()
		})
		if err != nil {
			return fmt.Errorf("%s: %w", step.says, err)
		}
		s.screen.keep(entry(step.says, fmt.Sprint(s.board.count()), duration(right.Sub(returned))))
	}
	return nil
}

func (s *show) steps() []step {
	database := ref{secrets, "default", "database"}
	settings := ref{configMaps, "default", "settings"}
	return []step{
		{"the password in the Secret database changes", func(ctx context.Context) (heard, error) {
			return s.change(ctx, database, "changed")
		}},
		{"somebody edits its mirror in the namespace orders", func(ctx context.Context) (heard, error) {
			return s.change(ctx, database.in("orders"), "edited")
		}},
		{"somebody deletes its mirror in the namespace billing", func(ctx context.Context) (heard, error) {
			return s.remove(ctx, database.in("billing"))
		}},
		{"a namespace app-search is made, with the label for mirrors", s.makeNamespace},
		{"the ConfigMap settings is deleted", func(ctx context.Context) (heard, error) {
			return s.remove(ctx, settings)
		}},
		{"the leader stops; the password changes; the standby takes over", func(ctx context.Context) (heard, error) {
			if err := s.stopLeader(ctx); err != nil {
				return nil, err
			}
			return s.change(ctx, database, "changed again")
		}},
	}
}

// change puts another password into a Secret.
func (s *show) change(ctx context.Context, r ref, password string) (heard, error) {
	version, err := s.cluster.patch(ctx, r, fmt.Sprintf(`{"stringData":{"password":%q}}`, password))
	return func(o objects) bool {
		now, there := o[r]
		return there && !older(now.GetResourceVersion(), version)
	}, err
}

// older reports whether one version of an object comes before another.
func older(version, than string) bool {
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err != nil || order < 0
}

// remove deletes an object. It has been heard of when the object is gone, or
// another one is there.
func (s *show) remove(ctx context.Context, r ref) (heard, error) {
	before, err := s.cluster.resource(r).Get(ctx, r.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return func(o objects) bool {
		now, there := o[r]
		return !there || now.GetUID() != before.GetUID()
	}, s.cluster.remove(ctx, r)
}

func (s *show) makeNamespace(ctx context.Context) (heard, error) {
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName("app-search")
	namespace.SetLabels(map[string]string{domain + "allow-mirrors": "true"})
	return func(o objects) bool {
		_, there := o[refTo(namespace)]
		return there
	}, s.cluster.apply(ctx, namespace)
}

// stopLeader ends the replica that leads as Kubernetes would. It drains, gives back
// the lease and is gone when this returns; the other one is yet to notice.
func (s *show) stopLeader(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	leader, err := s.leader(ctx)
	if err != nil {
		return err
	}
	code, err := leader.Stop(patience)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ended with exit code %d", leader.Name(), code)
	}
	return err
}
