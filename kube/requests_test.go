package kube

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// The requests that no client of client-go has a form for. What the real server
// makes of them is shown end to end; here it answers as it seldom does.

var (
	widgets = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	secrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// answering is a client of a server that answers as the test says.
func answering(t *testing.T, answer http.HandlerFunc) *Clients {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c, err := newClients(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func watched(t *testing.T, answer http.HandlerFunc) watch.Interface {
	t.Helper()
	w, err := streamJSON(t.Context(), answering(t, answer).server, widgets, metav1.ListOptions{LabelSelector: "a=b", ResourceVersion: "7"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

func TestAWatchBringsObjectsAsTheServerHasThem(t *testing.T) {
	w := watched(t, func(out http.ResponseWriter, request *http.Request) {
		if got := request.URL.String(); got != "/apis/example.com/v1/widgets?labelSelector=a%3Db&resourceVersion=7&watch=true" {
			t.Errorf("asked for %s", got)
		}
		_, _ = io.WriteString(out, `{"type":"ADDED","object":{"kind":"Widget","metadata":{"name":"a"},"size":9007199254740993,"share":0.5,"Kind":"other"}}
			{"type":"BOOKMARK","object":{"kind":"Widget","metadata":{"resourceVersion":"9"}}}
			{"type":"DELETED","object":{"kind":"Widget","metadata":{"name":"a"}}}`)
	})
	added := <-w.ResultChan()
	object := added.Object.(*unstructured.Unstructured).Object
	if added.Type != watch.Added || object["size"] != int64(9007199254740993) || object["share"] != 0.5 || object["Kind"] != "other" {
		t.Errorf("%s %v", added.Type, object)
	}
	if event := <-w.ResultChan(); event.Type != watch.Bookmark || event.Object.(*unstructured.Unstructured).GetResourceVersion() != "9" {
		t.Errorf("%s %v", event.Type, event.Object)
	}
	if event := <-w.ResultChan(); event.Type != watch.Deleted {
		t.Errorf("%s %v", event.Type, event.Object)
	}
	if event, open := <-w.ResultChan(); open {
		t.Errorf("after the end came %v", event)
	}
}

func TestAWatchThatTheServerEndsSaysWhy(t *testing.T) {
	w := watched(t, func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, `{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410}}`)
	})
	if event := <-w.ResultChan(); event.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(event.Object)) {
		t.Errorf("%s %v", event.Type, event.Object)
	}
}

func TestAWatchThatBreaksOffIsAnErrorWithoutContent(t *testing.T) {
	w := watched(t, func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, `{"type":"ADDED","object":{"data":{"password":"s3cret"},`)
	})
	for event := range w.ResultChan() {
		if event.Type != watch.Error || strings.Contains(apierrors.FromObject(event.Object).Error(), "s3cret") {
			t.Errorf("%s %v", event.Type, event.Object)
		}
	}
}

func TestAWatchOfATypeThatIsNotReadyYetIsAskedForAgain(t *testing.T) {
	var asked atomic.Int32
	w := watched(t, func(out http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			out.Header().Set("Retry-After", "0")
			out.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(out, `{"type":"ADDED","object":{"metadata":{"name":"a"}}}`)
	})
	if event := <-w.ResultChan(); event.Type != watch.Added || asked.Load() != 2 {
		t.Errorf("%s %v after asking %d times", event.Type, event.Object, asked.Load())
	}
}

// enveloped is an object in protobuf, as the server sends it.
func enveloped(t *testing.T, apiVersion, kind string, object interface{ Marshal() ([]byte, error) }) string {
	t.Helper()
	raw, err := object.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: apiVersion, Kind: kind}, Raw: raw}
	encoded, err := envelope.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return "k8s\x00" + string(encoded)
}

func TestTheMirrorsOfEveryTypeAreWatchedByTheirMetadataInProtobuf(t *testing.T) {
	for _, resource := range []schema.GroupVersionResource{secrets, widgets} {
		var accepts, selector string
		mirrors := answering(t, func(_ http.ResponseWriter, request *http.Request) {
			accepts, selector = request.Header.Get("Accept"), request.URL.Query().Get("labelSelector")
		}).Watches().Mirrors(resource)
		if w, err := mirrors.Watch(t.Context(), metav1.ListOptions{}); err == nil {
			w.Stop()
		}
		if !strings.HasPrefix(accepts, "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;") || selector != mirror.MirrorSelector {
			t.Errorf("%s: it accepts %s of %s", resource.Resource, accepts, selector)
		}
	}
}

// answer is the metadata of an object, as the server has it in one form or another.
var answer = metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: "8"}}

func TestAWriteSendsTheBytesAndTakesMetadataAlone(t *testing.T) {
	for contentType, text := range map[string]string{
		"application/json":                    `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","resourceVersion":"8"}}`,
		"application/json; the whole":         `{"kind":"Widget","apiVersion":"example.com/v1","metadata":{"name":"a","resourceVersion":"8"},"spec":{"size":3}}`,
		"application/vnd.kubernetes.protobuf": enveloped(t, "meta.k8s.io/v1", "PartialObjectMetadata", &answer),
	} {
		t.Run(contentType, func(t *testing.T) { testWrite(t, contentType, text) })
	}
}

func testWrite(t *testing.T, contentType, text string) {
	object := mirror.Body{ContentType: "application/example", Bytes: []byte("an object")}
	c := answering(t, func(out http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		got := request.Method + " " + request.URL.String()
		if want := map[string]string{
			http.MethodPost: "POST /api/v1/namespaces/app/secrets?dryRun=All&fieldManager=me",
			http.MethodPut:  "PUT /apis/example.com/v1/namespaces/app/widgets/a?fieldManager=me",
		}[request.Method]; got != want || string(body) != "an object" || request.Header.Get("Content-Type") != "application/example" {
			t.Errorf("asked for %s with %s", got, body)
		}
		if !strings.HasPrefix(request.Header.Get("Accept"), "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;") {
			t.Errorf("it accepts %s", request.Header.Get("Accept"))
		}
		out.Header().Set("Content-Type", strings.Split(contentType, ";")[0])
		_, _ = io.WriteString(out, text)
	})
	created, err := c.Writer().Create(t.Context(), secrets, "app", object, metav1.CreateOptions{FieldManager: "me", DryRun: []string{metav1.DryRunAll}})
	if err != nil || created.GetResourceVersion() != "8" {
		t.Errorf("created %v, error %v", created, err)
	}
	updated, err := c.Writer().Update(t.Context(), widgets, "app", "a", object, metav1.UpdateOptions{FieldManager: "me"})
	if err != nil || updated.GetResourceVersion() != "8" {
		t.Errorf("updated %v, error %v", updated, err)
	}
}

func TestAWriteThatIsRefusedSaysWhyInTheServersTerms(t *testing.T) {
	for answer, is := range map[string]func(error) bool{
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`:                                     apierrors.IsConflict,
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"AlreadyExists","code":409}`:                                apierrors.IsAlreadyExists,
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422,"details":{"causes":[{"field":"x"}]}}`: apierrors.IsInvalid,
		`no JSON at all`: apierrors.IsInternalError,
	} {
		code := http.StatusInternalServerError
		switch {
		case strings.Contains(answer, "409"):
			code = http.StatusConflict
		case strings.Contains(answer, "422"):
			code = http.StatusUnprocessableEntity
		}
		c := answering(t, func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Type", "application/json")
			out.WriteHeader(code)
			_, _ = io.WriteString(out, answer)
		})
		if _, err := c.Writer().Create(context.Background(), secrets, "app", mirror.Body{ContentType: "application/json", Bytes: []byte("{}")}, metav1.CreateOptions{}); !is(err) {
			t.Errorf("%s gives %v", answer, err)
		}
	}
}
