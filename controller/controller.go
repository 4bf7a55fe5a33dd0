package controller

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Queue is what the controller needs of a work queue; package queue has it.
type Queue[K comparable] interface {
	Add(key K)
	AddAfter(key K, delay time.Duration)
}

// Metrics is told what happens; package metrics makes series of it.
type Metrics interface {
	Reconciled(controller, result string, took time.Duration)
	SyncError(controller, errorType string)
	Wrote(operation string)
	MirrorAdded(namespace, sourceType string)
	MirrorRemoved(namespace, sourceType string)
	Propagated(took time.Duration)
	DriftCorrected(sourceType string)
}

// The words that Metrics is told, beside names of namespaces and types: all of
// them, so that a series can be there before the first of its kind happens.
var (
	Results = []string{"success", "error"}
	Errors  = map[string][]string{
		"source": {"get", "patch", mirror.ReasonWriteRefused, mirror.ReasonServerTrouble},
		"mirror": {"conflict", mirror.ReasonForeign, mirror.ReasonWriteRefused, mirror.ReasonServerTrouble},
	}
	Operations = []string{"create", "replace", "delete", "patch"}
)

// Objects reads and writes whole objects. The answer to a write is the metadata of what
// the server made of one.
type Objects interface {
	Get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	Create(ctx context.Context, resource schema.GroupVersionResource, namespace string, object mirror.Body, options metav1.CreateOptions) (*metav1.PartialObjectMetadata, error)
	Update(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, object mirror.Body, options metav1.UpdateOptions) (*metav1.PartialObjectMetadata, error)
}

// Config is what a Controller is made of.
type Config struct {
	Settings mirror.Settings
	Objects  Objects
	Metadata metadata.Interface
	Sources  Queue[mirror.SourceKey]
	Mirrors  Queue[mirror.MirrorKey]
	// Consents has the names of namespaces whose word on mirrors can't be read.
	Consents Queue[string]
	Metrics  Metrics
	// WatchObject watches one object by its name until the context is done, and
	// calls gone each time that it is seen not to be there.
	WatchObject func(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, gone func())
	// Identity names this process in events.
	Identity string
}

// Controller makes mirrors be as their sources say. Its handlers take in what the
// informers see and put keys into the queues; SyncSource, SyncMirror and SyncConsent
// are the queues' workers.
type Controller struct {
	Config
	client client
	events recorder

	// mu guards all below. It is held for look-ups and small changes only, never
	// over a request, a transformation or a hash.
	mu         sync.Mutex
	namespaces map[string]*mirror.Namespace
	// kinds has the kinds of the types that are served; metadata alone doesn't say them.
	kinds     map[schema.GroupVersionResource]string
	tables    map[schema.GroupResource]*table
	states    map[mirror.SourceKey]*state
	index     *index
	conflicts *conflicts
	// backoff is about mirrors, sourceBackoff about what is written on sources.
	backoff, sourceBackoff *driftBackoff
	// contested has the mirrors that are fought over, by those whose they are.
	contested map[mirror.MirrorKey]object
	// kept is what others had put into mirrors that we deleted to make them anew.
	kept map[mirror.MirrorKey]*mirror.Unmanaged
	// consents has what was told last of each namespace whose word can't be read.
	consents map[string]string
	// started says that all namespaces that there were at the start have been seen.
	started bool
}

// New makes a controller; the informers' handlers bring it to life.
func New(config Config) *Controller {
	return &Controller{
		Config:     config,
		client:     client{config.Objects, config.Metadata, config.Metrics},
		events:     recorder{config.Objects, config.Identity},
		namespaces: map[string]*mirror.Namespace{},
		tables:     map[schema.GroupResource]*table{},
		states:     map[mirror.SourceKey]*state{},
		index:      newIndex(),
		conflicts:  newConflicts(),
		backoff:    newDriftBackoff(), sourceBackoff: newDriftBackoff(),
		contested: map[mirror.MirrorKey]object{},
		kept:      map[mirror.MirrorKey]*mirror.Unmanaged{},
		consents:  map[string]string{},
	}
}

// Serve takes in the kinds of the types that are to be mirrored, before anything is
// told of their objects.
func (c *Controller) Serve(kinds map[schema.GroupVersionResource]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds = kinds
}

// tableLocked returns the table of a type, made where there is none.
func (c *Controller) tableLocked(resource schema.GroupVersionResource) *table {
	t := c.tables[resource.GroupResource()]
	if t == nil || t.resource != resource {
		t = newTable(resource, c.kinds[resource])
		c.tables[resource.GroupResource()] = t
	}
	return t
}

// stateLocked returns the state of a source, made where there is none.
func (c *Controller) stateLocked(key mirror.SourceKey) *state {
	st := c.states[key]
	if st == nil {
		st = newState()
		c.states[key] = st
	}
	return st
}

func (t *table) sourceKey(name types.NamespacedName) mirror.SourceKey {
	return mirror.SourceKey{Type: t.resource.GroupResource(), Namespace: name.Namespace, Name: name.Name}
}
