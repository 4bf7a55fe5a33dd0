package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
)

// KillEtcd ends etcd without warning, as a crash would. The API server stays, and fails
// what needs the store, until StartEtcd.
func (c *ControlPlane) KillEtcd() { c.etcd.Kill() }

// StartEtcd starts etcd after KillEtcd, with the same data, and waits until it serves.
func (c *ControlPlane) StartEtcd(ctx context.Context) error {
	for _, socket := range []string{"etcd.sock", "peer.sock"} {
		if err := syscall.Unlink(c.dir.file(socket)); err != nil && err != syscall.ENOENT {
			return fmt.Errorf("remove what etcd left of %s: %w", socket, err)
		}
	}
	var err error
	if c.etcd, err = c.run("etcd", c.binaries.Etcd, etcdArgs(c.dir)); err != nil {
		return err
	}
	return await(ctx, c.etcd, c.etcdHealthy)
}

// CompactEtcd takes all history out of the store up to now, and makes its file small: a
// watch that wants to go on from earlier can't.
func (c *ControlPlane) CompactEtcd(ctx context.Context) error {
	var status struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	if err := c.askEtcd(ctx, "maintenance/status", map[string]any{}, &status); err != nil {
		return err
	}
	if err := c.askEtcd(ctx, "kv/compaction", map[string]any{"revision": status.Header.Revision, "physical": true}, nil); err != nil {
		return err
	}
	return c.askEtcd(ctx, "maintenance/defragment", map[string]any{}, nil)
}

// PutIntoEtcd writes bytes where the API server keeps an object, behind its back.
func (c *ControlPlane) PutIntoEtcd(ctx context.Context, key string, value []byte) error {
	return c.askEtcd(ctx, "kv/put", map[string]any{"key": []byte(key), "value": value}, nil)
}

// DeleteFromEtcd takes away what was put there.
func (c *ControlPlane) DeleteFromEtcd(ctx context.Context, key string) error {
	return c.askEtcd(ctx, "kv/deleterange", map[string]any{"key": []byte(key)}, nil)
}

// askEtcd asks etcd by its JSON gateway; answer may be nil.
func (c *ControlPlane) askEtcd(ctx context.Context, what string, question map[string]any, answer any) error {
	body, err := json.Marshal(question) // bytes as base64, as the gateway wants them
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v3/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: c.etcdTransport()}).Do(request)
	if err != nil {
		return fmt.Errorf("ask etcd for %s: %w", what, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("read etcd's answer to %s: %w", what, err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("ask etcd for %s: %s: %s", what, response.Status, text)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// etcdTransport dials etcd's socket, for one question each.
func (c *ControlPlane) etcdTransport() *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.dir.file("etcd.sock"))
		},
	}
}
