package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
)

var configMapsType = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// rig is a controller with queues that a test works off, and a server that answers
// as the test says. It plays the order of events that a real server brings once in
// a thousand times; what the server really does is shown end to end.
type rig struct {
	*Controller
	sources  *fifo[mirror.SourceKey]
	mirrors  *fifo[mirror.MirrorKey]
	consents *fifo[string]
	// create answers creates; deletes are refused if refuse is set.
	create      func(*unstructured.Unstructured) (*unstructured.Unstructured, error)
	refuse      bool
	answer      error                         // to deletes
	onDelete    func() error                  // answers to deletes, if set
	onRead      func()                        // is called when the whole source is read
	readError   error                         // to the question for a whole object
	patchError  error                         // to patches
	updateError error                         // to replacements
	inPlace     *metav1.PartialObjectMetadata // what a GET finds; nil for nothing
	whole       *unstructured.Unstructured    // what a GET of a whole mirror finds
	source      *unstructured.Unstructured    // what a GET of the whole source finds
	reads       int
	order       []string // of deletions, and of patches that take the finalizer off
	patched     []string // the bodies of patches, and of what is put in the place of the source
	puts        int      // how many of them are not patches
	onPatch     func(body string)
	patchedTo   string // the resource version that a patch makes
	creates     int
	deletes     int
	updates     int
	patches     int
	events      int
	version     int
}

// fifo is a queue without workers. Later has the keys that were added for later, charged
// on whose account some were added.
type fifo[K comparable] struct {
	keys, later []K
	charged     map[K]string
}

func (q *fifo[K]) Add(key K) {
	if slices.Contains(q.keys, key) {
		return
	}
	q.keys = append(q.keys, key)
	delete(q.charged, key)
}

func (q *fifo[K]) AddCharged(key K, tenant string) {
	if slices.Contains(q.keys, key) {
		return
	}
	q.Add(key)
	if q.charged == nil {
		q.charged = map[K]string{}
	}
	q.charged[key] = tenant
}

func (q *fifo[K]) AddAfter(key K, delay time.Duration) {
	if delay <= 0 {
		q.Add(key)
		return
	}
	q.later = append(q.later, key)
}

// silent is metrics that nobody reads. It knows the words that it may be told.
type silent struct{}

func (silent) Reconciled(_, result string, _ time.Duration) { oneOf(result, Results) }
func (silent) SyncError(controller, errorType string)       { oneOf(errorType, Errors[controller]) }
func (silent) Wrote(operation string)                       { oneOf(operation, Operations) }
func (silent) MirrorAdded(string, string)                   {}
func (silent) MirrorRemoved(string, string)                 {}
func (silent) Propagated(time.Duration)                     {}
func (silent) DriftCorrected(string)                        {}

func oneOf(word string, words []string) {
	if !slices.Contains(words, word) {
		panic(word + " is not among the words of metrics")
	}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{sources: &fifo[mirror.SourceKey]{}, mirrors: &fifo[mirror.MirrorKey]{}, consents: &fifo[string]{}, version: 100}
	r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) { return u, nil }
	r.Controller = New(Config{
		Settings: mirror.Settings{MaxTargets: 100}, Objects: r, Metadata: server{rig: r}, Sources: r.sources, Mirrors: r.mirrors, Consents: r.consents, Metrics: silent{},
		WatchObject: func(ctx context.Context, _ schema.GroupVersionResource, _, _ string, _ func()) { <-ctx.Done() },
		Use:         func(schema.GroupResource) {},
		WatchOrigin: func(ctx context.Context, _ schema.GroupVersionResource, _, _ string, _ func(*mirror.Origin)) {
			<-ctx.Done()
		},
	})
	r.Serve(map[schema.GroupVersionResource]string{configMapsType: "ConfigMap"})
	return r
}

// server is the rig as a client for metadata; what isn't here is not asked for.
type server struct {
	metadata.Getter
	rig *rig
}

func (s server) Resource(schema.GroupVersionResource) metadata.Getter { return s }
func (s server) Namespace(string) metadata.ResourceInterface          { return s }

func (s server) Get(context.Context, string, metav1.GetOptions, ...string) (*metav1.PartialObjectMetadata, error) {
	if s.rig.inPlace == nil {
		return nil, apierrors.NewNotFound(configMapsType.GroupResource(), "s")
	}
	return s.rig.inPlace, nil
}

func (s server) Delete(context.Context, string, metav1.DeleteOptions, ...string) error {
	s.rig.deletes++
	s.rig.order = append(s.rig.order, "delete")
	if s.rig.onDelete != nil {
		return s.rig.onDelete()
	}
	if s.rig.refuse {
		return apierrors.NewForbidden(configMapsType.GroupResource(), "s", errors.New("no"))
	}
	return s.rig.answer
}

func (s server) Patch(_ context.Context, _ string, _ types.PatchType, body []byte, _ metav1.PatchOptions, _ ...string) (*metav1.PartialObjectMetadata, error) {
	return s.rig.writeSource(string(body))
}

// writeSource answers to what is written on the source.
func (r *rig) writeSource(body string) (*metav1.PartialObjectMetadata, error) {
	r.patched = append(r.patched, body)
	if strings.Contains(body, `"finalizers":[]`) {
		r.order = append(r.order, "release")
	}
	r.patches++
	if r.patchError != nil {
		return nil, r.patchError
	}
	if r.onPatch != nil {
		r.onPatch(body)
	}
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: cmp.Or(r.patchedTo, "1")}}, nil
}

// Create implements Objects.
func (r *rig) Create(_ context.Context, resource schema.GroupVersionResource, _ string, object mirror.Body, _ metav1.CreateOptions) (*metav1.PartialObjectMetadata, error) {
	if resource != configMapsType {
		r.events++
		return nil, nil
	}
	r.creates++
	u, err := mirrortest.ReadBody(object.ContentType, object.Bytes)
	if err != nil {
		return nil, err
	}
	u.SetUID("m1")
	u.SetResourceVersion(r.next())
	if u, err = r.create(u); err != nil {
		return nil, err
	}
	return mirrortest.MetadataOf(u), nil
}

// Get implements Objects.
func (r *rig) Get(_ context.Context, _ schema.GroupVersionResource, namespace, _ string) (*unstructured.Unstructured, error) {
	found := r.whole
	if namespace == "src" {
		found = r.source
		if r.onRead != nil {
			r.onRead()
		}
	} else {
		r.reads++
	}
	if r.readError != nil {
		return nil, r.readError
	}
	if found == nil {
		return nil, apierrors.NewNotFound(configMapsType.GroupResource(), "s")
	}
	return found, nil
}

// Update implements Objects.
func (r *rig) Update(_ context.Context, _ schema.GroupVersionResource, namespace, _ string, object mirror.Body, _ metav1.UpdateOptions) (*metav1.PartialObjectMetadata, error) {
	if namespace == "src" {
		r.puts++
		return r.writeSource(string(object.Bytes))
	}
	r.updates++
	if r.updateError != nil {
		return nil, r.updateError
	}
	u, err := mirrortest.ReadBody(object.ContentType, object.Bytes)
	if err != nil {
		return nil, err
	}
	u.SetResourceVersion(r.next())
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: api.FieldManager}})
	return mirrortest.MetadataOf(u), nil
}

func (r *rig) next() string {
	r.version++
	return fmt.Sprint(r.version)
}

// most is how many looks a test has to come to rest; one that loops takes all.
const most = 100

// work works off the queues; keys that fail are not tried again. It returns how many
// looks there were.
func (r *rig) work() int {
	for n := range most {
		switch {
		case len(r.sources.keys) > 0:
			key := r.sources.keys[0]
			r.sources.keys = r.sources.keys[1:]
			_ = r.SyncSource(context.Background(), key)
		case len(r.mirrors.keys) > 0:
			key := r.mirrors.keys[0]
			r.mirrors.keys = r.mirrors.keys[1:]
			_ = r.SyncMirror(context.Background(), key)
		default:
			return n
		}
	}
	return most
}

func (r *rig) object(namespace, labels, annotations string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"}}}
	u.SetNamespace(namespace)
	u.SetName("s")
	u.SetUID("u1")
	u.SetResourceVersion(r.next())
	u.SetLabels(map[string]string{labels: "true"})
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: api.FieldManager, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`)}})
	u.SetAnnotations(map[string]string{api.AnnotationSync: "true", api.AnnotationTargetNamespaces: annotations, api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "s",
		api.AnnotationMirrorID: mirror.MirrorID(configMapsType.GroupResource(), namespace, "s")})
	return u
}

// ask has the source ask for these targets.
func (r *rig) ask(targets string) {
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), r.object("src", api.LabelEnabled, targets)))
}

func (r *rig) loseSource() {
	r.SourcesOf(configMapsType).Gone(r.sourceKey().NamespacedName(), "s1", r.next())
}

// gone has the watch tell that a mirror is there no more.
func (r *rig) gone(m *mirror.Record) { r.MirrorsOf(configMapsType).Gone(m.Key(), m.UID, r.next()) }

func (r *rig) mirror(namespace string) *mirror.Record {
	return mirror.NewRecord(configMapsType.GroupResource(), r.object(namespace, api.LabelMirror, ""))
}

// target makes the namespace a.
func (r *rig) target() { r.Namespaces().Set(namespaceOf("a")) }

func (r *rig) sourceKey() mirror.SourceKey {
	return mirror.SourceKey{Type: configMapsType.GroupResource(), Namespace: "src", Name: "s"}
}

// namespaceOf is a namespace of that name, without labels and annotations.
func namespaceOf(name string) *mirror.Namespace {
	return &mirror.Namespace{Identity: mirror.Identity{Name: name}}
}
