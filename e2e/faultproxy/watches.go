package faultproxy

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Watches chooses watches by what they watch.
type Watches struct {
	// Resource is the type, "configmaps"; empty for any.
	Resource string
	// Selector is a part of the label selector; empty for any.
	Selector string
}

func (s Watches) match(r *http.Request) bool {
	t, ok := targetOf(r)
	return ok && (s.Resource == "" || s.Resource == t.resource) && strings.Contains(r.URL.Query().Get("labelSelector"), s.Selector)
}

// watches is what is to befall watches, under the proxy's lock.
type watches struct {
	streams map[*stream]bool
	// holds are those whose new watches and lists wait; freezes those that pass no event on.
	holds, freezes []*Hold
	// expired has how many new watches are yet to be answered that they have expired.
	expired map[Watches]int
}

// Hold keeps watches back until it is released.
type Hold struct {
	of   Watches
	end  func()
	done chan struct{}
}

func (h *Hold) released() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

// Release ends it. It may be called more than once.
func (h *Hold) Release() { h.end() }

func newHold(of Watches) *Hold {
	done := make(chan struct{})
	return &Hold{of: of, done: done, end: sync.OnceFunc(func() { close(done) })}
}

// Hold has watches and lists that begin from now on wait before they reach the server.
func (p *Proxy) Hold(of Watches) *Hold { return p.keep(&p.holds, of) }

// Freeze has the watches pass on no event, those that there are and those that begin;
// what has been held up comes when it ends.
func (p *Proxy) Freeze(of Watches) *Hold { return p.keep(&p.freezes, of) }

// keep adds a hold to a list, and takes away those that have ended.
func (p *Proxy) keep(list *[]*Hold, of Watches) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := newHold(of)
	*list = append(slices.DeleteFunc(*list, (*Hold).released), h)
	return h
}

// Break ends the watches that there are. The process is free to go on where they were.
func (p *Proxy) Break(of Watches) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.streams {
		if of.match(s.request) {
			s.end()
		}
	}
}

// Expire ends the watches that there are, and answers so many of those that want to go
// on from a version that it is too old: the process has to list anew, and if it streams
// the list, the second answer meets that.
func (p *Proxy) Expire(of Watches, times int) {
	p.mu.Lock()
	if p.expired == nil {
		p.expired = map[Watches]int{}
	}
	p.expired[of] = times
	p.mu.Unlock()
	p.Break(of)
}

// letGo releases all that is held.
func (p *Proxy) letGo() {
	for _, h := range slices.Concat(p.holds, p.freezes) {
		h.Release()
	}
	p.holds, p.freezes = nil, nil
}

// admit lets a read through, maybe later; or answers it.
func (p *Proxy) admit(w http.ResponseWriter, r *http.Request) bool {
	if !p.await(r.Context(), func() []*Hold { return p.holds }, r) {
		panic(http.ErrAbortHandler)
	}
	query := r.URL.Query()
	version := query.Get("resourceVersion")
	if query.Has("watch") && version != "" && version != "0" && p.takeExpired(r) {
		refuse(w, http.StatusGone, "Expired")
		return false
	}
	return true
}

func (p *Proxy) takeExpired(r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for of, n := range p.expired {
		if n > 0 && of.match(r) {
			p.expired[of]--
			return true
		}
	}
	return false
}

// await waits until nothing of the list holds the request back; false if its context
// ends before that. A read of one object is never held back.
func (p *Proxy) await(ctx context.Context, holds func() []*Hold, r *http.Request) bool {
	if t, _ := targetOf(r); t.name != "" {
		return true
	}
	for {
		h := p.holding(holds, r)
		if h == nil {
			return true
		}
		select {
		case <-h.done:
		case <-ctx.Done():
			return false
		}
	}
}

func (p *Proxy) holding(holds func() []*Hold, r *http.Request) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range holds() {
		if !h.released() && h.of.match(r) {
			return h
		}
	}
	return nil
}

// gate puts what holds a watch's events up between the server and the process.
func (p *Proxy) gate(response *http.Response) error {
	if !response.Request.URL.Query().Has("watch") {
		return nil
	}
	ctx, end := context.WithCancel(response.Request.Context())
	s := &stream{ReadCloser: response.Body, proxy: p, request: response.Request, ctx: ctx, end: end}
	context.AfterFunc(ctx, func() { _ = s.ReadCloser.Close() })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams == nil {
		p.streams = map[*stream]bool{}
	}
	p.streams[s] = true
	response.Body = s
	return nil
}

// stream is the events of a watch.
type stream struct {
	io.ReadCloser
	proxy   *Proxy
	request *http.Request
	ctx     context.Context //nolint:containedctx // the watch's, for Read takes none
	end     func()
}

// Read passes events on, later if they are frozen. One that is broken ends as the
// server's own end of a watch does.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if !s.proxy.await(s.ctx, func() []*Hold { return s.proxy.freezes }, s.request) || s.ctx.Err() != nil {
		return 0, io.EOF
	}
	return n, err
}

// Close ends it.
func (s *stream) Close() error {
	s.proxy.mu.Lock()
	delete(s.proxy.streams, s)
	s.proxy.mu.Unlock()
	s.end()
	return s.ReadCloser.Close()
}
