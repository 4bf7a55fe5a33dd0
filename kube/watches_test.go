package kube

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/informers"
)

// told is a handler that passes on what it is told.
type told chan string

func (t told) Set(obj any) { t.say("%s", obj) }

func (t told) Gone(name types.NamespacedName, _ types.UID, resourceVersion string) {
	t <- name.Name + " gone at " + resourceVersion
}

func (t told) say(format string, obj any) {
	m, err := meta.Accessor(obj)
	if err != nil {
		t <- err.Error()
		return
	}
	what := m.GetName() + "@" + m.GetResourceVersion()
	if u, ok := obj.(*unstructured.Unstructured); ok {
		what += fmt.Sprint(" with data ", u.Object["data"])
	}
	t <- fmt.Sprintf(format, what)
}

// watching runs an informer on a server that answers as the test says, and returns
// what it is told of objects and failures.
func watching(t *testing.T, selection func(Watches) informers.Selection, answer http.HandlerFunc) <-chan string {
	t.Helper()
	handler := make(told, 100)
	s := selection(answering(t, answer).Watches())
	if s.Resource.Empty() {
		s.Resource = secrets
	}
	i := informers.New("things", s, func(obj any) (any, error) { return obj, nil }, handler, func(err error) {
		handler <- fmt.Sprintf("failing: %v", err)
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return handler
}

func expect(t *testing.T, told <-chan string, want ...string) {
	t.Helper()
	for _, line := range want {
		select {
		case got := <-told:
			if got != line {
				t.Errorf("told %q, want %q", got, line)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not told %q", line)
		}
	}
}

// stream sends events and leaves the watch open until the client goes.
func stream(out http.ResponseWriter, request *http.Request, events string) {
	out.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(out, events)
	out.(http.Flusher).Flush()
	<-request.Context().Done()
}

const endOfList = `{"type":"BOOKMARK","object":{"kind":"%[1]s","apiVersion":"%[2]s","metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}}`

func TestSourcesComeWholeAndMirrorsAndNamespacesAsMetadata(t *testing.T) {
	for name, row := range map[string]struct {
		selection                    func(Watches) informers.Selection
		path, accepts, kind, version string
		want                         []string
	}{
		"sources": {
			Watches.Sources, "/api/v1/secrets?", "application/json", "Secret", "v1",
			[]string{"a@3 with data map[key:dmFsdWU=]", "a gone at 9"},
		},
		"mirrors": {
			Watches.Mirrors, "/api/v1/secrets?", "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata", "PartialObjectMetadata", "meta.k8s.io/v1",
			[]string{"a@3", "a gone at 9"},
		},
		"namespaces": {
			Watches.Namespaces, "/api/v1/namespaces?", "as=PartialObjectMetadata", "PartialObjectMetadata", "meta.k8s.io/v1",
			[]string{"a@3", "a gone at 9"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, watching(t, row.selection, func(out http.ResponseWriter, request *http.Request) {
				url, accepts := request.URL.String(), request.Header.Get("Accept")
				if !strings.HasPrefix(url, row.path) || !strings.Contains(url, "sendInitialEvents=true") || !strings.Contains(accepts, row.accepts) {
					t.Errorf("asked for %s as %s", url, accepts)
				}
				selector := map[string]string{"sources": "labelSelector=kubemirror.raczylo.com%2Fenabled&", "mirrors": "labelSelector=kubemirror.raczylo.com%2Fmirror%3Dtrue&"}[name]
				if !strings.Contains(url, selector) {
					t.Errorf("asked for %s", url)
				}
				stream(out, request, fmt.Sprintf(`{"type":"ADDED","object":{"kind":"%[1]s","apiVersion":"%[2]s","metadata":{"name":"a","resourceVersion":"3"},"data":{"key":"dmFsdWU="}}}
					`+endOfList+`
					{"type":"DELETED","object":{"kind":"%[1]s","apiVersion":"%[2]s","metadata":{"name":"a","resourceVersion":"9"}}}`, row.kind, row.version))
			}), row.want...)
		})
	}
}

func TestATypeThatIsNotReadyYetIsAskedForAgainTwiceBeforeItIsSaidToFail(t *testing.T) {
	for name, row := range map[string]struct {
		unready int32
		want    string
	}{
		"ready the third time": {2, "a@3 with data <nil>"},
		"never ready":          {1000, "failing: not yet"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			expect(t, watching(t, Watches.Sources, func(out http.ResponseWriter, request *http.Request) {
				if asked.Add(1) > row.unready {
					stream(out, request, `{"type":"ADDED","object":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"3"}}}`+fmt.Sprintf(endOfList, "Secret", "v1"))
					return
				}
				out.Header().Set("Content-Type", "application/json")
				out.Header().Set("Retry-After", "0")
				out.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(out, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not yet","reason":"TooManyRequests","code":429}`)
			}), row.want)
			if n := asked.Load(); n < 3 || n > 3+3 { // the plain list is on its way
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestI8WhatCannotBeDecodedIsNotQuoted(t *testing.T) {
	const list = `{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`
	whole := fmt.Sprintf(endOfList, "Secret", "v1")
	for it, row := range map[string]struct {
		list, watch string
		questions   int // until all has been said of the first answer
	}{
		"a watch whose object has no kind":    {list, whole + `{"type":"ADDED","object":{"data":{"password":"s3cret"}}}`, 2},
		"a watch that is no JSON":             {list, whole + `s3cret`, 2},
		"a watch that breaks off":             {list, whole + `{"type":"ADDED","object":{"data":{"password":"s3cret"},`, 2},
		"a watch with an event of a new type": {list, whole + `{"type":"s3cret","object":{}}`, 2},
		"a list without a kind":               {`{"items":[{"data":{"password":"s3cret"}}]}`, "", 3},
		"a list that breaks off":              {`{"items":[{"data":{"password":"s3cret"`, "", 3},
	} {
		t.Run(it, func(t *testing.T) {
			log := logged(t)
			again := make(chan struct{}, 100)
			said := watching(t, Watches.Sources, func(out http.ResponseWriter, request *http.Request) {
				out.Header().Set("Content-Type", "application/json")
				switch {
				case request.URL.Query().Get("watch") == "":
					_, _ = io.WriteString(out, row.list)
				case row.watch == "": // it doesn't stream lists
					out.WriteHeader(http.StatusUnprocessableEntity)
				default:
					_, _ = io.WriteString(out, row.watch)
				}
				again <- struct{}{}
			})
			for range row.questions {
				<-again
			}
			for len(said) > 0 {
				if line := <-said; strings.Contains(line, "s3cret") {
					t.Errorf("told %q", line)
				}
			}
			if text := log(); strings.Contains(text, "s3cret") {
				t.Errorf("in the log:\n%s", text)
			}
		})
	}
}

// logged catches what is logged during a test.
func logged(t *testing.T) func() string {
	log := &lockedBuffer{}
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(klog.ClearLogger)
	return log.String
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
