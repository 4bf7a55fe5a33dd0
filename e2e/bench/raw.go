package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

// rawClient is the plain client: it sends bytes that were made before, and reads
// answers without looking at them. Nobody can write faster.
type rawClient struct {
	http *http.Client
	host string
}

func newRawClient(config *rest.Config) (*rawClient, error) {
	config = rest.CopyConfig(config)
	config.DisableCompression = true
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &rawClient{client, config.Host}, nil
}

// write is one request, in JSON or in the form that it names.
type write struct {
	method, path string
	body         []byte
	contentType  string
	accept       string
}

// all sends the writes, so many at a time as there are workers. It returns when
// all are answered, with the first error.
func (c *rawClient) all(ctx context.Context, writes []write) error {
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make(chan error, workers)
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(writes)); i = next.Add(1) - 1 {
				if err := c.one(ctx, writes[i]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(errs)
	return <-errs
}

// get asks for what is at a path, in one form or another.
func (c *rawClient) get(ctx context.Context, path, accept string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.host+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s: %s", path, response.Status, body)
	}
	return body, err
}

// version is what the API server calls its own.
func (c *rawClient) version(ctx context.Context) (string, error) {
	body, err := c.get(ctx, "/version", runtime.ContentTypeJSON)
	if err != nil {
		return "", fmt.Errorf("ask the API server for its version: %w", err)
	}
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return "", fmt.Errorf("read the API server's version: %w", err)
	}
	return v.GitVersion, nil
}

func (c *rawClient) one(ctx context.Context, w write) error {
	request, err := http.NewRequestWithContext(ctx, w.method, c.host+w.path, bytes.NewReader(w.body))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", cmp.Or(w.accept, "application/json"))
	request.Header.Set("Content-Type", cmp.Or(w.contentType, "application/json"))
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(response.Body) // as much as there is to show
		return fmt.Errorf("%s %s: %s: %s", w.method, w.path, response.Status, text)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
