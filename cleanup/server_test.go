package cleanup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// server stands in for an API server where a real one can't be brought to do what
// a test is about. What a real one does is tested end to end.
type server struct {
	t       *testing.T
	mu      sync.Mutex
	objects map[string][]*metav1.PartialObjectMetadata // by resource
	// refuse may answer in the server's place.
	refuse func(r *http.Request) *metav1.Status
	asked  []string
}

// aggregated is how a server says that it has answered with aggregated discovery.
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

const discovered = `{"items":[
 {"metadata":{"name":"%s"},"versions":[
  {"version":"v1","freshness":"Current","resources":[%s]}%s]}]}`

func resource(plural, kind string, verbs ...string) string {
	return fmt.Sprintf(`{"resource":%q,"responseKind":{"kind":%q},"scope":"Namespaced","verbs":["%s"]}`, plural, kind, strings.Join(verbs, `","`))
}

var (
	coreTypes = fmt.Sprintf(discovered, "", resource("configmaps", "ConfigMap", "list", "patch", "delete")+","+
		resource("secrets", "Secret", "list", "patch", "delete")+","+resource("readings", "Reading", "get", "list")+","+
		resource("dying", "Dying", "list", "delete"), "")
	otherTypes = fmt.Sprintf(discovered, "example.com", "", `,{"version":"v1beta1","freshness":"Stale"}`)
)

func newServer(t *testing.T) (*server, Config) {
	s := &server{t: t, objects: map[string][]*metav1.PartialObjectMetadata{}}
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	config := &rest.Config{Host: listener.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	client, err := metadata.NewForConfigAndClient(config, listener.Client())
	if err != nil {
		t.Fatal(err)
	}
	return s, Config{REST: config, HTTP: listener.Client(), Metadata: client, Objects: s}
}

// Get implements Objects.
func (s *server) Get(_ context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, "GET whole "+name)
	for _, o := range s.objects[resource.Resource] {
		if o.Namespace == namespace && o.Name == name {
			fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
			return &unstructured.Unstructured{Object: fields}, err
		}
	}
	return nil, apierrors.NewNotFound(resource.GroupResource(), name)
}

// Update implements Objects: what has no finalizer any more goes.
func (s *server) Update(_ context.Context, resource schema.GroupVersionResource, _, name string, object mirror.Body, _ metav1.UpdateOptions) (*metav1.PartialObjectMetadata, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, "PUT "+name)
	sent := &metav1.PartialObjectMetadata{}
	if err := json.Unmarshal(object.Bytes, sent); err != nil {
		return nil, err
	}
	list := s.objects[resource.Resource]
	i := slices.IndexFunc(list, func(o *metav1.PartialObjectMetadata) bool { return o.Name == name })
	if list[i].UID != sent.UID || list[i].ResourceVersion != sent.ResourceVersion || len(sent.Finalizers) > 0 {
		return nil, apierrors.NewConflict(resource.GroupResource(), name, nil)
	}
	s.objects[resource.Resource] = slices.Delete(list, i, i+1)
	return sent, nil
}

func (s *server) add(resource, name string, finalizers []string, labels map[string]string) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: name, UID: types.UID("uid-" + name), ResourceVersion: "1",
			Finalizers: finalizers, Labels: labels,
		},
	}
	s.objects[resource] = append(s.objects[resource], o)
	return o
}

// addMirror adds a Secret that is a mirror, of a source in the namespace from.
func (s *server) addMirror(name, from string) *metav1.PartialObjectMetadata {
	o := s.add("secrets", name, nil, map[string]string{api.LabelMirror: "true"})
	o.Annotations = map[string]string{api.AnnotationMirrorID: "secrets/ns/" + name}
	if from != "" {
		o.Annotations[api.AnnotationSourceNamespace], o.Annotations[api.AnnotationSourceName] = from, name
	}
	return o
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	if s.refuse != nil {
		if status := s.refuse(r); status != nil {
			w.WriteHeader(int(status.Code))
			s.answer(w, status)
			return
		}
	}
	switch r.URL.Path {
	case "/api":
		w.Header().Set("Content-Type", aggregated)
		_, _ = w.Write([]byte(coreTypes))
		return
	case "/apis":
		w.Header().Set("Content-Type", aggregated)
		_, _ = w.Write([]byte(otherTypes))
		return
	}
	if r.Method != http.MethodDelete && !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata") {
		s.t.Errorf("%s %s asks for %s, and so for content", r.Method, r.URL.Path, r.Header.Get("Accept"))
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	if len(path) == 1 {
		s.list(w, r, path[0])
		return
	}
	objects := s.objects[path[2]]
	i := slices.IndexFunc(objects, func(o *metav1.PartialObjectMetadata) bool { return o.Name == path[3] })
	switch r.Method {
	case http.MethodGet:
		s.answer(w, objects[i])
	case http.MethodPatch:
		var patch metav1.PartialObjectMetadata
		if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
			s.t.Error(err)
		}
		if patch.UID != objects[i].UID || patch.ResourceVersion != objects[i].ResourceVersion {
			w.WriteHeader(http.StatusConflict)
			s.answer(w, refusal(http.StatusConflict, metav1.StatusReasonConflict))
			return
		}
		objects[i].Finalizers = patch.Finalizers
		s.answer(w, objects[i])
	default:
		s.t.Errorf("unexpected %s %s", r.Method, r.URL.Path)
	}
}

// list answers with one object a page: the second page is of the state "old".
func (s *server) list(w http.ResponseWriter, r *http.Request, resource string) {
	list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
	objects := s.objects[resource]
	at := 0
	if from := r.URL.Query().Get("continue"); from != "" {
		at = slices.IndexFunc(objects, func(o *metav1.PartialObjectMetadata) bool { return strings.HasSuffix(from, o.Name) })
	}
	if at < len(objects) {
		list.Items = []metav1.PartialObjectMetadata{*objects[at]}
	}
	if at+1 < len(objects) {
		list.Continue = "old-" + objects[at+1].Name
	}
	s.answer(w, list)
}

func (s *server) answer(w http.ResponseWriter, o any) {
	if err := json.NewEncoder(w).Encode(o); err != nil {
		s.t.Error(err)
	}
}

func refusal(code int32, reason metav1.StatusReason) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: code, Reason: reason, Message: "refused: " + string(reason),
	}
}
