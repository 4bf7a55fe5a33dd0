package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// show is the play on its stage.
type show struct {
	*stage
	screen  *screen
	board   *board
	sources []*unstructured.Unstructured // of the examples, in the order of the table
}

// shown are the examples of the demo. What a transformed Secret or Deployment looks
// like does not fit on a line, and an ExternalSecret needs its operator.
var shown = []string{"basic.yaml", "pattern.yaml", "all.yaml", "all-labeled.yaml", "transform-configmap.yaml", "custom-resource.yaml"}

// newShow reads the examples, makes all that the sources need, and has the board
// watch.
func newShow(ctx context.Context, stage *stage, screen *screen) (*show, error) {
	s := &show{stage: stage, screen: screen, board: newBoard(ctx)}
	if err := s.prepare(ctx); err != nil {
		s.board.close()
		return nil, err
	}
	return s, nil
}

func (s *show) prepare(ctx context.Context) error {
	root, err := repo.Root(ctx)
	if err != nil {
		return err
	}
	first, err := readExample(root, "crds/middlewares.yaml")
	if err != nil {
		return err
	}
	for _, file := range shown {
		list, err := readExample(root, file)
		if err != nil {
			return err
		}
		last := len(list) - 1
		first = append(first, list[:last]...)
		s.sources = append(s.sources, list[last])
	}
	for _, o := range first {
		if err := s.cluster.apply(ctx, o); err != nil {
			return err
		}
	}
	for _, resource := range []schema.GroupVersionResource{namespaces, secrets, configMaps, middlewares} {
		if err := s.board.watch(s.cluster, resource); err != nil {
			return err
		}
	}
	_, err = s.board.until(func(o objects) error {
		for _, object := range first {
			if r := refTo(object); r.resource == namespaces && o[r].Unstructured == nil {
				return fmt.Errorf("the namespace %s is not there", r.name)
			}
		}
		return nil
	})
	return err
}

// examples applies the sources and draws the table of them as mirrors arrive.
func (s *show) examples(ctx context.Context) error {
	s.screen.keep("", "The sources of manifests/examples, all in the namespace default:", "")
	rows := make([]row, len(s.sources))
	applied := make([]time.Time, len(s.sources))
	go s.applySources(ctx, applied)
	_, err := s.board.until(func(o objects) error {
		whole := true
		for i, source := range s.sources {
			if !rows[i].whole { // then it stays as it was at that moment
				rows[i] = o.row(source, applied[i])
			}
			whole = whole && rows[i].whole
		}
		s.screen.draw(sourceTable(rows)...)
		if whole {
			return nil
		}
		return errors.Join(errors.New("mirrors of the examples are not there"), o.wrong())
	})
	s.screen.keep(sourceTable(rows)...)
	if err == nil {
		s.screen.keep("", "What a Middleware is, the server has learned only a moment before.")
	}
	return err
}

// applySources applies one source after the other and notes when each call returned.
func (s *show) applySources(ctx context.Context, applied []time.Time) {
	for i, source := range s.sources {
		if err := s.cluster.apply(ctx, source); err != nil {
			s.board.end(err)
			return
		}
		returned := time.Now()
		s.board.again(func() { applied[i] = returned })
	}
}

// row is how far a source has come that was applied then, or not yet.
func (o objects) row(source *unstructured.Unstructured, applied time.Time) row {
	var inSync []string
	var last time.Time
	if now, there := o[refTo(source)]; there {
		inSync, last = o.mirrors(now.Unstructured)
	}
	total := len(o.targets(source))
	return row{
		source:  source.GetKind() + " " + source.GetName(),
		asks:    source.GetAnnotations()[domain+"target-namespaces"],
		mirrors: inSync,
		total:   total,
		whole:   !applied.IsZero() && total > 0 && len(inSync) == total,
		took:    last.Sub(applied),
	}
}

// transformation shows what the rules of one source have made of it.
func (s *show) transformation(context.Context) error {
	source := ref{configMaps, "default", "storefront"}
	var lines []string
	_, err := s.board.until(func(o objects) error {
		inSync, _ := o.mirrors(o[source].Unstructured)
		versions := []*unstructured.Unstructured{o[source].Unstructured}
		for _, namespace := range inSync {
			versions = append(versions, o[source.in(namespace)].Unstructured)
		}
		lines = sideBySide(versions)
		return nil
	})
	s.screen.keep("", "One of them has rules. What they make of it:", "")
	s.screen.keep(lines...)
	return err
}

// sideBySide compares the data of ConfigMaps, the source first.
func sideBySide(versions []*unstructured.Unstructured) []string {
	header := []string{"IN"}
	values := map[string][]string{}
	for i, version := range versions {
		header = append(header, version.GetNamespace())
		data, _, _ := unstructured.NestedStringMap(version.Object, "data")
		for key, value := range data {
			if values[key] == nil {
				values[key] = slices.Repeat([]string{"–"}, len(versions))
			}
			values[key][i] = value
		}
	}
	cells := [][]string{header}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		cells = append(cells, append([]string{key}, values[key]...))
	}
	return columns(cells)
}
