package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Queue is what the controller needs of a work queue; package queue has it.
type Queue[K comparable] interface {
	Add(key K)
	AddCharged(key K, tenant string)
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
	// Access is asked what authors may do, if Settings say that it is to be.
	Access  Access
	Sources Queue[mirror.SourceKey]
	Mirrors Queue[mirror.MirrorKey]
	// Consents has the names of namespaces whose word on mirrors can't be read.
	Consents Queue[string]
	Metrics  Metrics
	// WatchObject watches one object by its name until the context is done, and
	// calls gone each time that it is seen not to be there.
	WatchObject func(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, gone func())
	// WatchOrigin watches one object by its name until the context is done, and calls seen
	// with each form of it, and with nil each time that it is seen not to be there.
	WatchOrigin func(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, seen func(*mirror.Origin))
	// Use has the mirrors of a type watched that may have no sources.
	Use func(schema.GroupResource)
	// Identity names this process in events.
	Identity string
}

// Controller makes mirrors be as their sources say. Its handlers take in what the
// informers see and put keys into the queues; SyncSource, SyncMirror and SyncConsent
// are the queues' workers.
type Controller struct {
	*cache
	sources sourceWorker
	mirrors mirrorWorker
	events  recorder
}

// New makes a controller; the informers' handlers bring it to life.
func New(config Config) *Controller {
	known := newCache(config)
	requests := client{config.Objects, config.Metadata, config.Metrics}
	events := newRecorder(config.Objects, config.Identity)
	return &Controller{
		cache:   known,
		sources: sourceWorker{known, requests, events},
		mirrors: mirrorWorker{known, requests, reader{known, requests}, newAuthors(config.Settings.Authors, config.Access, config.Mirrors.AddAfter), events, config.WatchObject},
		events:  events,
	}
}

// SyncSource has the namespaces of a source looked at where that is due, and sees
// to its finalizer and status. It is the source queue's worker; an error has the
// key tried again with backoff.
func (c *Controller) SyncSource(ctx context.Context, key mirror.SourceKey) error {
	start := time.Now()
	err := c.sources.sync(ctx, key)
	c.Metrics.Reconciled("source", result(err), time.Since(start))
	return err
}

// SyncMirror makes one namespace right for one source: it derives again what
// should be there, and issues at most one write. It is the mirror queue's worker;
// an error has the key tried again with backoff.
func (c *Controller) SyncMirror(ctx context.Context, key mirror.MirrorKey) error {
	start := time.Now()
	err := c.mirrors.sync(ctx, key)
	c.Metrics.Reconciled("mirror", result(err), time.Since(start))
	return err
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "success"
}
