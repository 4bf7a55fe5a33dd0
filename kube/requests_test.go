package kube

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
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

// An object that isn't there must be told from a type that isn't served, which is
// answered with the same code.
func TestAnObjectThatIsNotThereIsToldFromATypeThatIsNotServed(t *testing.T) {
	for text, unserved := range map[string]bool{
		`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"secrets \"a\" not found","details":{"name":"a","kind":"secrets"},"code":404}`: false,
		"404 page not found": true,
	} {
		c := answering(t, func(out http.ResponseWriter, _ *http.Request) {
			if !unserved {
				out.Header().Set("Content-Type", "application/json")
			}
			out.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(out, text)
		})
		_, err := c.Writer().Get(t.Context(), secrets, "app", "a")
		if !apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) != unserved {
			t.Errorf("%s is told as %#v", text, err)
		}
	}
}
