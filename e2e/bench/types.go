package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

const (
	idleTypes      = 200
	idleGroup      = "bench.example.com"
	idleGroupPath  = "/apis/" + idleGroup + "/v1"
	definitionPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
)

// types measures the memory with many types that nobody uses.
func types(ctx context.Context, s *stage) (err error) {
	var writes []write
	for i := range idleTypes {
		writes = append(writes, write{method: http.MethodPost, path: definitionPath, body: definition(i)})
	}
	if err := s.raw.all(ctx, writes); err != nil {
		return err
	}
	if err := s.served(ctx); err != nil {
		return err
	}
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := pause(ctx, settling); err != nil {
		return err
	}
	m, err := p.Memory()
	s.add("200 idle types, memory", sample{Value: float64(m.Resident) / megabyte})
	s.add("200 idle types, peak memory", sample{Value: float64(m.Peak) / megabyte})
	return err
}

// definition is that of a namespaced kind.
func definition(i int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"kind%[1]ds.%[2]s"},`+
		`"spec":{"group":%[2]q,"scope":"Namespaced","names":{"plural":"kind%[1]ds","kind":"Kind%[1]d"},"versions":[{"name":"v1","served":true,"storage":true,`+
		`"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`, i, idleGroup)
}

// served waits until the API server serves all the types.
func (s *stage) served(ctx context.Context) error {
	var found struct{ Resources []struct{} }
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		body, err := s.raw.get(ctx, idleGroupPath, runtime.ContentTypeJSON)
		if err == nil && json.Unmarshal(body, &found) == nil && len(found.Resources) >= idleTypes {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d of %d types are served after %s", len(found.Resources), idleTypes, patience)
}
