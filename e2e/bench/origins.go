package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// origins is what stand-ins and requests cost: as many writes as sources that carry the label
// themselves, and memory for each object that is watched by its name.
func origins(ctx context.Context, s *stage) (err error) {
	n, asking := 100, s.count(1000, 100)
	if err := s.makeNamespaces(ctx, 1); err != nil {
		return err
	}
	if err := s.raw.all(ctx, []write{namespaceWrite(otherSources)}); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	before, err := p.Memory()
	if err != nil {
		return err
	}
	asked := write{method: http.MethodPost, path: secretsPath(sourceNamespace), body: secret(sourceNamespace, "origin-asked",
		map[string]string{domain + "enabled": "true", versionLabel: "v1"}, map[string]string{domain + "sync": "true", domain + "allow-to": targetPrefix + "*"}, fourKB)}
	if err := s.raw.all(ctx, []write{asked}); err != nil {
		return err
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	mark, err := s.plane.Audit().Mark()
	if err != nil {
		return err
	}
	var writes []write
	for i := range n {
		writes = append(writes, namedWrites(sourceNamespace, i)...)
	}
	for i := range asking {
		writes = append(writes, requestWrite(i))
	}
	if _, err := s.clock(ctx, writes, n+asking, written("origin-", "v1")); err != nil {
		return fmt.Errorf("wait for the mirrors: %w", err)
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	wrote, _, err := s.requests(ctx, mark)
	if err != nil {
		return err
	}
	s.add("origins, writes", sample{Value: float64(wrote)})
	writes = nil
	for i := n; i < 2*n; i++ {
		writes = append(writes, namedWrites(otherSources, i)...)
	}
	if _, err := s.clock(ctx, writes, n, written("origin-named", "v1")); err != nil {
		return fmt.Errorf("wait for more mirrors: %w", err)
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	after, err := p.Memory()
	s.add("origins, memory", sample{Value: float64(after.Anonymous-before.Anonymous) / megabyte})
	if err != nil {
		return err
	}
	p, err = s.restart(ctx, p, "origins, ")
	return err
}

// otherSources is a second namespace with stand-ins: those of one are bounded.
const otherSources = "bench-sources-too"

// namedWrites make an object without our label and a ConfigMap that stands for it.
func namedWrites(namespace string, i int) []write {
	name := fmt.Sprintf("origin-named-%04d", i)
	return []write{
		{method: http.MethodPost, path: secretsPath(namespace), body: secret(namespace, name, map[string]string{versionLabel: "v1"}, nil, fourKB)},
		askingWrite(namespace, "for-"+name, map[string]string{domain + "mirror-of": "secrets/" + name, domain + "target-namespaces": targetName(0)}),
	}
}

// requestWrite makes a ConfigMap that asks for the one source that may be asked for.
func requestWrite(i int) write {
	name := fmt.Sprintf("origin-asked-%04d", i)
	return askingWrite(targetName(0), "wants-"+name, map[string]string{domain + "mirror-of": "secrets/" + sourceNamespace + "/origin-asked", domain + "target-name": name})
}

// askingWrite makes a ConfigMap whose mirrors are made of something else.
func askingWrite(namespace, name string, annotations map[string]string) write {
	annotations[domain+"sync"] = "true"
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"namespace": namespace, "name": name, "labels": map[string]string{domain + "enabled": "true"}, "annotations": annotations},
	})
	if err != nil {
		panic(err) // maps of texts can't fail
	}
	return write{method: http.MethodPost, path: "/api/v1/namespaces/" + namespace + "/configmaps", body: body}
}
