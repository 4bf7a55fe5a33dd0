package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestARelayCountsWhatIsReceivedAndNotWhatIsSent(t *testing.T) {
	const answer = 1 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, answer))
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := newRelay(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Replace(server.URL, server.Listener.Addr().String(), r.listener.Addr().String(), 1)
	for n := range int64(3) {
		response, err := http.Post(address, "text/plain", bytes.NewReader(make([]byte, 2*answer))) //nolint:gosec // our own server
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || len(got) != answer {
			t.Fatalf("%d bytes came, %v; want %d", len(got), err, answer)
		}
		if got, least := r.received.Load(), (n+1)*answer; got < least || got > least+(n+1)*4096 {
			t.Errorf("after %d answers of %d bytes it has counted %d", n+1, answer, got)
		}
	}
}
