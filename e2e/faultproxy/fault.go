package faultproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// Fault is what befalls a write. When it returns without an answer, the write has none:
// the connection is cut.
type Fault func(*Exchange)

// Exchange is a write and its answer, in the hands of a fault.
type Exchange struct {
	// Proxy is for what is to befall the watches meanwhile.
	Proxy *Proxy

	request  *http.Request
	body     []byte
	writer   http.ResponseWriter
	answered bool
}

// Answer is what the server has answered.
type Answer struct {
	code   int
	header http.Header
	body   []byte
}

func (p *Proxy) befall(fault Fault, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the process has gone
	}
	x := &Exchange{Proxy: p, request: r, body: body, writer: w}
	fault(x)
	if !x.answered {
		cut(r)
	}
}

// Forward has the server do what is asked for, whatever has become of the process, and
// returns its answer; nil where there is none.
func (x *Exchange) Forward() *Answer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.request.Context()), 30*time.Second)
	defer cancel()
	out := x.request.Clone(ctx)
	out.RequestURI, out.Host = "", ""
	out.URL.Scheme, out.URL.Host = x.Proxy.server.Scheme, x.Proxy.server.Host
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
	response, err := x.Proxy.upstream.RoundTrip(out)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil
	}
	return &Answer{response.StatusCode, response.Header, body}
}

// Reply gives the process an answer of the server's.
func (x *Exchange) Reply(a *Answer) {
	if a == nil {
		return
	}
	x.answered = true
	maps.Copy(x.writer.Header(), a.header)
	x.writer.WriteHeader(a.code)
	_, _ = x.writer.Write(a.body) // the process may have gone
}

// Refuse gives the process an answer of our own, as the server words it.
func (x *Exchange) Refuse(code int, reason string) {
	x.answered = true
	refuse(x.writer, code, reason)
}

// refuse answers with a Status. Those of a server that is too busy say when to come again.
func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"a fault of the test's","reason":%q,"code":%d}`, reason, code)
}

// Kill kills the process, and returns when it is dead.
func (x *Exchange) Kill() {
	<-x.Proxy.owned
	x.Proxy.kill()
}

// Wait waits.
func (x *Exchange) Wait(d time.Duration) { <-time.After(d) }
