package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// relay passes on what goes between a process and the API server, and counts what the
// process receives: all of it, as it is on the wire.
type relay struct {
	listener net.Listener
	server   string
	received atomic.Int64
}

// newRelay makes a relay to the server of that URL; it ends with the context.
func newRelay(ctx context.Context, server string) (*relay, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for what is to be counted: %w", err)
	}
	r := &relay{listener: listener, server: u.Host}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go r.run(ctx)
	return r, nil
}

func (r *relay) run(ctx context.Context) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		go r.pass(ctx, client)
	}
}

// pass joins one connection with one to the server, until either side has ended it.
func (r *relay) pass(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", r.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		defer func() { _ = server.Close() }()
		_, _ = io.Copy(server, client) // its end is the end, however it came
	}()
	_, _ = io.Copy(counted{client, &r.received}, server)
}

// counted counts what is written.
type counted struct {
	io.Writer
	bytes *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// through writes a kubeconfig that leads to the relay in the place of the server.
func (r *relay) through(kubeconfig, server string) (string, error) {
	text, err := os.ReadFile(kubeconfig) //nolint:gosec // our own file
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(text), server) {
		return "", errors.New("the kubeconfig doesn't name the server")
	}
	path := filepath.Join(filepath.Dir(kubeconfig), "kubeconfig-relayed")
	text = []byte(strings.ReplaceAll(string(text), server, "https://"+r.listener.Addr().String()))
	return path, os.WriteFile(path, text, 0o600) //nolint:gosec // beside it
}
