package kube

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

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

// framed is an event in protobuf, as the server sends it.
func framed(t *testing.T, event watch.EventType, object string) string {
	t.Helper()
	message := metav1.WatchEvent{Type: string(event), Object: runtime.RawExtension{Raw: []byte(object)}}
	encoded, err := message.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(encoded)))) + string(encoded)
}

func secret(resourceVersion string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: resourceVersion},
		Type:       "Opaque", Data: map[string][]byte{"password": []byte("s3cret"), "none": {}},
	}
}

// mirrorsOf watches the mirrors of Secrets on a server that answers as the test
// says. It returns what begins a watch.
func mirrorsOf(t *testing.T, answer http.HandlerFunc) func() <-chan watch.Event {
	t.Helper()
	mirrors := answering(t, func(out http.ResponseWriter, request *http.Request) {
		out.Header().Set("Content-Type", request.Header.Get("Accept")+";stream=watch")
		answer(out, request)
	}).Watches().Mirrors(secrets)
	return func() <-chan watch.Event {
		w, err := mirrors.Watch(t.Context(), metav1.ListOptions{ResourceVersion: "7"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
		return w.ResultChan()
	}
}

func TestMirrorsOfSecretsComeInProtobuf(t *testing.T) {
	events := mirrorsOf(t, func(out http.ResponseWriter, request *http.Request) {
		const want = "/api/v1/secrets?labelSelector=kubemirror.raczylo.com%2Fmirror%3Dtrue&resourceVersion=7&watch=true"
		if got := request.URL.String(); got != want || request.Header.Get("Accept") != "application/vnd.kubernetes.protobuf" {
			t.Errorf("asked for %s as %s", got, request.Header.Get("Accept"))
		}
		large := secret("9")
		large.Data["large"] = make([]byte, 1<<20)
		_, _ = io.WriteString(out, framed(t, watch.Added, enveloped(t, "v1", "Secret", secret("8")))+
			framed(t, watch.Modified, enveloped(t, "v1", "Secret", large))+
			framed(t, watch.Bookmark, enveloped(t, "v1", "Secret", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "10"}}))+
			framed(t, watch.Deleted, enveloped(t, "v1", "Secret", secret("11"))))
	})()
	event := <-events
	if s, _ := event.Object.(*corev1.Secret); event.Type != watch.Added || s == nil || string(s.Data["password"]) != "s3cret" || s.Type != "Opaque" || s.ResourceVersion != "8" {
		t.Errorf("%s %T", event.Type, event.Object)
	}
	event = <-events
	if s, _ := event.Object.(*corev1.Secret); event.Type != watch.Modified || s == nil || len(s.Data["large"]) != 1<<20 {
		t.Errorf("%s %T", event.Type, event.Object)
	}
	for _, want := range []struct {
		event           watch.EventType
		resourceVersion string
	}{{watch.Bookmark, "10"}, {watch.Deleted, "11"}} {
		event = <-events
		if m, _ := event.Object.(metav1.Object); event.Type != want.event || m == nil || m.GetResourceVersion() != want.resourceVersion {
			t.Errorf("%s %T, want %s of version %s", event.Type, event.Object, want.event, want.resourceVersion)
		}
	}
	if event, open := <-events; open {
		t.Errorf("after the end came %v", event)
	}
}

func TestAWatchInProtobufThatTheServerEndsSaysWhy(t *testing.T) {
	expired := apierrors.NewResourceExpired("too old").ErrStatus
	events := mirrorsOf(t, func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, framed(t, watch.Error, enveloped(t, "v1", "Status", &expired)))
	})()
	if event := <-events; event.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(event.Object)) {
		t.Errorf("%s %v", event.Type, event.Object)
	}
}

// A newer server could have fields in a Secret that this program doesn't know.
func TestAFieldThatIsNewToUsIsPassedOver(t *testing.T) {
	events := mirrorsOf(t, func(out http.ResponseWriter, _ *http.Request) {
		raw, _ := secret("8").Marshal()
		raw = append(raw, 0xa0, 0x06, 0x01) // field 100 is 1
		_, _ = io.WriteString(out, framed(t, watch.Added, enveloped(t, "v1", "Secret", encoded(raw)))+
			framed(t, watch.Added, enveloped(t, "v1", "Secret", secret("9"))))
	})()
	for _, resourceVersion := range []string{"8", "9"} {
		event := <-events
		if s, _ := event.Object.(*corev1.Secret); s == nil || s.ResourceVersion != resourceVersion || string(s.Data["password"]) != "s3cret" {
			t.Errorf("%s %T", event.Type, event.Object)
		}
	}
}

// encoded is a message as it is.
type encoded []byte

func (e encoded) Marshal() ([]byte, error) { return e, nil }

func TestAWatchInProtobufThatIsNoneIsAnErrorWithoutContent(t *testing.T) {
	whole := framed(t, watch.Added, enveloped(t, "v1", "Secret", secret("8")))
	for it, sent := range map[string]string{
		"breaks off in a length":  whole[:2],
		"breaks off in a message": whole[:len(whole)-20],
		"is JSON":                 `{"type":"ADDED","object":{"data":{"password":"s3cret"}}}`,
		"is no message":           "\x00\x00\x00\x06s3cret",
		"has objects in JSON":     framed(t, watch.Added, `{"data":{"password":"s3cret"}}`),
		"has an empty object":     framed(t, watch.Added, ""),
		"has no envelope":         framed(t, watch.Added, "k8s\x00s3cret"),
		"has no object in it":     framed(t, watch.Added, enveloped(t, "v1", "Secret", encoded("s3cret"))),
		"is of a length too high": "\xff\xff\xff\xff",
	} {
		t.Run(it, func(t *testing.T) {
			events := mirrorsOf(t, func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, sent) })()
			for event := range events {
				if event.Type != watch.Error || strings.Contains(apierrors.FromObject(event.Object).Error(), "s3cret") {
					t.Errorf("%s %v", event.Type, event.Object)
				}
			}
		})
	}
}
