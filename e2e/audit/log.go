package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Log is an API server's audit log, in a file of JSON lines. Its methods may be
// called from any goroutine, while the server writes.
type Log struct {
	path string
}

// NewLog is the log in a file, which need not be there yet.
func NewLog(path string) *Log { return &Log{path: path} }

// Mark is a moment in the log.
type Mark struct {
	offset int64
}

// Mark returns the present moment: every request that has had an answer lies
// before it, every request not yet sent lies after it.
func (l *Log) Mark() (Mark, error) {
	info, err := os.Stat(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return Mark{}, nil
	}
	if err != nil {
		return Mark{}, fmt.Errorf("mark the audit log: %w", err)
	}
	return Mark{offset: info.Size()}, nil
}

// Since returns the requests received after the mark that the filter lets
// through, in the order in which the server received them. It waits until the
// server has answered each of them (a watch counts as answered once it has
// begun), so that their codes are known; it fails when ctx ends before that.
func (l *Log) Since(ctx context.Context, mark Mark, f Filter) (Requests, error) {
	for {
		requests, err := l.read(mark)
		if err != nil {
			return nil, err
		}
		requests = requests.Where(f)
		pending := requests.unanswered()
		if len(pending) == 0 {
			return requests, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the server's answer to %d requests: %w; they are:\n%s", len(pending), ctx.Err(), pending)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (rs Requests) unanswered() Requests {
	var pending Requests
	for _, r := range rs {
		if !r.answered {
			pending = append(pending, r)
		}
	}
	return pending
}

// read joins the events after the mark into requests. An answer after the mark
// to a request before it is left out.
func (l *Log) read(mark Mark) (Requests, error) {
	file, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines, err := linesAfter(file, mark)
	if err != nil {
		return nil, err
	}
	return join(lines)
}

// linesAfter are the lines of the log's file that begin after the mark.
func linesAfter(file *os.File, mark Mark) (*bufio.Reader, error) {
	lines := bufio.NewReader(file)
	if mark.offset == 0 {
		return lines, nil
	}
	// A mark may have fallen into a line being written: go on after it.
	if _, err := file.Seek(mark.offset-1, io.SeekStart); err != nil {
		return nil, fmt.Errorf("go to the mark in the audit log: %w", err)
	}
	if _, err := lines.ReadBytes('\n'); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the audit log at the mark: %w", err)
	}
	return lines, nil
}

// join makes requests of the events in the lines.
func join(lines *bufio.Reader) (Requests, error) {
	var requests Requests
	index := map[string]int{} // by audit id
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return requests, nil // what is left is a line that the server is still writing
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read a line of the audit log: %w; the line is %s", err, line)
		}
		i, known := index[e.AuditID]
		switch {
		case e.Stage == "RequestReceived" && !known:
			index[e.AuditID] = len(requests)
			requests = append(requests, e.request())
		case e.Stage != "RequestReceived" && known:
			requests[i].answered = true
			requests[i].Code = e.ResponseStatus.Code
			requests[i].Name = cmp.Or(e.ObjectRef.Name, requests[i].Name) // a create has it in its content
			requests[i].Forbidden = e.Annotations["authorization.k8s.io/decision"] == "forbid"
		}
	}
}

// event is what we read of one line: audit.k8s.io/v1 Event.
type event struct {
	AuditID    string
	Stage      string
	RequestURI string
	Verb       string
	UserAgent  string
	User       struct{ Username string }
	ObjectRef  struct {
		Resource, Subresource, Namespace, Name, APIGroup string
	}
	Annotations              map[string]string
	ResponseStatus           struct{ Code int }
	RequestReceivedTimestamp time.Time
}

func (e event) request() Request {
	return Request{
		Verb:        e.Verb,
		User:        e.User.Username,
		UserAgent:   e.UserAgent,
		Group:       e.ObjectRef.APIGroup,
		Resource:    e.ObjectRef.Resource,
		Subresource: e.ObjectRef.Subresource,
		Namespace:   e.ObjectRef.Namespace,
		Name:        e.ObjectRef.Name,
		URI:         e.RequestURI,
		Received:    e.RequestReceivedTimestamp,
	}
}
