// Package browser opens pages in the browser that the machine has, and drives them as a
// person would: by keys, by the mouse, by looking.
//
// It speaks the Chrome DevTools Protocol to a Chromium without a window, over two pipes. It
// is for pages that are files: the browser reaches no server by any name.
package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/process"
)

// ErrNone says that the machine has no browser.
var ErrNone = errors.New("there is no Chromium here; Debian's package is called chromium")

// Find returns the program of the machine's browser, or ErrNone.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// Browser is a browser that runs. Its methods may be called from any goroutine.
type Browser struct {
	process *process.Process
	folder  string
	to      *os.File

	mu      sync.Mutex // guards what follows
	last    int
	waiting map[int]chan message
	tabs    map[string]*Tab // by session
}

// message is what goes over the pipes, each way.
type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// arguments have the browser ask nobody for anything on its own account. It runs tests, often
// as root and in containers, where its sandbox can't.
var arguments = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
	"--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
}

// Start starts the browser. Stop ends it.
func Start() (*Browser, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "browser-")
	if err != nil {
		return nil, err
	}
	in, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	b := &Browser{folder: folder, to: to, waiting: map[int]chan message{}, tabs: map[string]*Tab{}}
	b.process, err = process.Start(process.Config{
		Name: "the browser", Path: path, Args: append(arguments, "--user-data-dir="+filepath.Join(folder, "profile")),
		Log: filepath.Join(folder, "log"), Files: []*os.File{in, out},
	})
	_, _ = in.Close(), out.Close()
	if err != nil {
		return nil, err
	}
	go b.read(from)
	return b, nil
}

// Stop ends the browser and removes what it has kept.
func (b *Browser) Stop() {
	// Asked to, it ends what it has started first; killed, that would go on writing there for
	// a moment.
	_ = b.call("", "Browser.close", none{}, nil)
	select {
	case <-b.process.Done():
	case <-time.After(10 * time.Second):
		b.process.Kill()
	}
	_ = os.RemoveAll(b.folder)
}

// read takes what the browser says, until it ends.
func (b *Browser) read(from *os.File) {
	defer func() { _ = from.Close() }()
	in := bufio.NewReader(from)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		answer, tab := b.waiting[m.ID], b.tabs[m.SessionID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case answer != nil:
			answer <- m
		case tab != nil:
			tab.hear(m)
		}
	}
}

// call asks the browser, or one of its tabs, and waits for the answer.
func (b *Browser) call(session, method string, params, result any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.last++
	m := message{ID: b.last, SessionID: session, Method: method, Params: text}
	b.waiting[m.ID] = answer
	text, err = json.Marshal(m)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("tell the browser to %s: %w", method, err)
	}
	select {
	case m = <-answer:
	case <-b.process.Done():
		return fmt.Errorf("the browser ended at %s; its log ends:\n%s", method, b.process.LogTail(20))
	}
	switch {
	case m.Error != nil:
		return fmt.Errorf("the browser says to %s: %s", method, m.Error.Message)
	case result == nil:
		return nil
	}
	return json.Unmarshal(m.Result, result)
}
