package controller

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// cache is what is known of namespaces, sources and mirrors, and what is due. The
// handlers write to it what the informers tell, and the workers what the server answers;
// both queue what is to be looked at in consequence.
type cache struct {
	Settings mirror.Settings
	Sources  Queue[mirror.SourceKey]
	Mirrors  Queue[mirror.MirrorKey]
	Consents Queue[string]
	Metrics  Metrics
	// watchOrigin is as in Config.
	watchOrigin func(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, seen func(*mirror.Origin))

	// mu guards all below. It is held for look-ups and small changes only, never
	// over a request, a transformation or a hash.
	mu         sync.Mutex
	namespaces map[string]*mirror.Namespace
	tables     *tables
	origins    *origins
	states     map[mirror.SourceKey]*state
	contents   *contents
	index      *index
	conflicts  *conflicts
	// backoff is about mirrors, sourceBackoff about what is written on sources.
	backoff, sourceBackoff *driftBackoff
	// contested has the mirrors that are fought over, by those whose they are.
	contested map[mirror.MirrorKey]object
	// kept is what others had put into mirrors that we deleted to make them anew.
	kept keptMetadata
	// consents has what was told last of each namespace whose word can't be read.
	consents map[string]string
	// started says that all namespaces that there were at the start have been seen.
	started bool
}

func newCache(config Config) *cache {
	return &cache{
		Settings:      config.Settings,
		Sources:       config.Sources,
		Mirrors:       config.Mirrors,
		Consents:      config.Consents,
		Metrics:       config.Metrics,
		namespaces:    map[string]*mirror.Namespace{},
		tables:        newTables(config.Use),
		origins:       newOrigins(),
		watchOrigin:   config.WatchOrigin,
		states:        map[mirror.SourceKey]*state{},
		contents:      newContents(maxContents),
		index:         newIndex(),
		conflicts:     newConflicts(),
		backoff:       newDriftBackoff(),
		sourceBackoff: newDriftBackoff(),
		contested:     map[mirror.MirrorKey]object{},
		kept:          keptMetadata{of: map[mirror.MirrorKey]*mirror.Unmanaged{}},
		consents:      map[string]string{},
	}
}

// Serve takes in the kinds of the types that are to be mirrored, before anything is
// told of their objects.
func (c *cache) Serve(kinds map[schema.GroupVersionResource]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.tables.served
	c.tables.serve(kinds)
	resolver{c}.reviewLocked(before)
}

// servedAs is a type that is mirrored, in the version in which it is, and its kind.
func servedAs(c *cache, resource schema.GroupResource) (served schema.GroupVersionResource, kind schema.GroupVersionKind, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	served, ok = c.tables.served[resource]
	return served, served.GroupVersion().WithKind(c.tables.kinds[served]), ok
}

// stateLocked returns the state of a source, made where there is none.
func (c *cache) stateLocked(key mirror.SourceKey) *state {
	st := c.states[key]
	if st == nil {
		st = newState()
		c.states[key] = st
	}
	return st
}
