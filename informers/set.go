package informers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
)

// Role is one of the two uses of a type: the objects that a label selects on the
// server, and what is kept of each.
type Role struct {
	Name string
	// Selection is that of every type; its Resource is left to the Set.
	Selection Selection
	// Transform gives what reduces the objects of a type.
	Transform func(resource schema.GroupVersionResource) func(obj any) (any, error)
}

// Consumer takes what the informers of a Set see.
type Consumer interface {
	// Sources and Mirrors give the handlers of a type's two informers.
	Sources(schema.GroupVersionResource) Handler
	Mirrors(schema.GroupVersionResource) Handler
	// Ready tells that both lists of a type are in: what they don't have doesn't
	// exist. For a type with neither sources nor mirrors it is never called.
	Ready(schema.GroupVersionResource)
	// Forget tells that the type's informers have stopped and will say no more.
	// It does not mean that the objects are gone (I5).
	Forget(schema.GroupVersionResource)
}

// Observer is told of watches that the server refuses; metrics are made of it.
type Observer interface {
	WatchFailing(resource string, failing bool)
	WatchGone(resource string)
}

// Config is what a Set is made of.
type Config struct {
	Sources, Mirrors Role
	// Any asks once whether the selector picks any object of the type. It must
	// return when its context is done.
	Any      func(ctx context.Context, resource schema.GroupVersionResource, selector string) (bool, error)
	Consumer Consumer
	Observer Observer
}

// Set runs the informers of the types that it is told to.
type Set struct {
	config Config

	mu    sync.Mutex
	types map[schema.GroupVersionResource]*pair
	// used has the types whose mirrors are to be watched whether or not they have sources.
	used map[schema.GroupResource]bool
}

// NewSet makes a Set without types.
func NewSet(config Config) *Set {
	return &Set{config: config, types: map[schema.GroupVersionResource]*pair{}, used: map[schema.GroupResource]bool{}}
}

// Sync makes the wanted types the running ones: it stops those that are wanted no
// more, waits until nothing of them is left, and starts those that are new. The
// context is that of the informers' lives, not of this call. Calls must not
// overlap.
func (s *Set) Sync(ctx context.Context, want []schema.GroupVersionResource) {
	wanted := make(map[schema.GroupVersionResource]bool, len(want))
	for _, resource := range want {
		wanted[resource] = true
	}
	s.stop(func(resource schema.GroupVersionResource) bool { return !wanted[resource] })
	s.mu.Lock()
	defer s.mu.Unlock()
	for resource := range wanted {
		if s.types[resource] == nil {
			s.types[resource] = s.start(ctx, resource)
		}
	}
}

// Use has the mirrors of a type watched, from now on or once it is one of the running
// ones, whether or not it has sources: sources of other types may have mirrors of it. It
// doesn't wait.
func (s *Set) Use(resource schema.GroupResource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[resource] = true
	for running, p := range s.types {
		if running.GroupResource() == resource {
			p.use()
		}
	}
}

// Stop stops all informers and waits until nothing of them is left.
func (s *Set) Stop() {
	s.stop(func(schema.GroupVersionResource) bool { return true })
}

func (s *Set) stop(unwanted func(schema.GroupVersionResource) bool) {
	s.mu.Lock()
	var stopped []*pair
	for resource, p := range s.types {
		if unwanted(resource) {
			p.cancel()
			stopped = append(stopped, p)
			delete(s.types, resource)
		}
	}
	s.mu.Unlock()
	for _, p := range stopped {
		<-p.done
	}
}

// Settled reports whether each type's lists have been taken in or were refused, or
// have had a minute for it: a type that can't be listed, or doesn't answer, does
// not hold up the others (I7).
func (s *Set) Settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.types {
		if !p.settled() {
			return false
		}
	}
	return true
}

// Quiet is the longest time that one of the watches has heard nothing, and the
// type that it is of. See Informer.Quiet.
func (s *Set) Quiet() (time.Duration, schema.GroupVersionResource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var longest time.Duration
	var resource schema.GroupVersionResource
	for r, p := range s.types {
		for _, i := range p.running() {
			if q := i.Quiet(); q > longest {
				longest, resource = q, r
			}
		}
	}
	return longest, resource
}

func (s *Set) start(ctx context.Context, resource schema.GroupVersionResource) *pair {
	ctx, cancel := context.WithCancel(ctx)
	unused, use := context.WithCancel(ctx) // until the first source or mirror
	if s.used[resource.GroupResource()] {
		use()
	}
	p := &pair{started: time.Now(), cancel: cancel, use: use, done: make(chan struct{})}
	s.config.Observer.WatchFailing(resource.GroupResource().String(), false) // so far; silence would not tell it from a type that nobody watches
	p.sources = s.informer(ctx, resource, p, s.config.Sources, &firstUse{s.config.Consumer.Sources(resource), use})
	go func() {
		defer close(p.done)
		defer cancel()
		s.run(ctx, unused, resource, p)
		s.config.Consumer.Forget(resource)
		s.config.Observer.WatchGone(resource.GroupResource().String())
	}()
	return p
}

// run keeps the pair going until the context is done.
func (s *Set) run(ctx, unused context.Context, resource schema.GroupVersionResource, p *pair) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { p.sources.Run(ctx) })
	s.findMirrors(unused, resource, p)
	<-unused.Done()
	if ctx.Err() != nil {
		return
	}
	mirrors := s.informer(ctx, resource, p, s.config.Mirrors, s.config.Consumer.Mirrors(resource))
	p.mirrors.Store(mirrors)
	wg.Go(func() { mirrors.Run(ctx) })
	for _, i := range p.running() {
		select {
		case <-i.Synced():
		case <-ctx.Done():
			return
		}
	}
	s.config.Consumer.Ready(resource)
}

// backoff is what client-go's reflector does between two lists.
var backoff = wait.Backoff{Duration: 800 * time.Millisecond, Factor: 2, Jitter: 1, Steps: 10, Cap: 30 * time.Second}

// findMirrors asks once whether a type without sources has mirrors: those of
// sources that went while nobody looked. A source that turns up cuts it short.
func (s *Set) findMirrors(unused context.Context, resource schema.GroupVersionResource, p *pair) {
	select {
	case <-p.sources.Synced():
	case <-unused.Done():
		return
	}
	logger := klog.FromContext(unused).WithValues("resource", resource.GroupResource().String())
	_ = backoff.DelayFunc().Until(unused, true, true, func(unused context.Context) (bool, error) {
		select {
		case <-unused.Done():
			return true, nil
		default:
		}
		// client-go would log it as an error that the answer is cut short.
		silent := klog.NewContext(unused, klog.Logger{})
		found, err := s.config.Any(silent, resource, s.config.Mirrors.Selection.Labels)
		if err != nil {
			if unused.Err() == nil && !p.asked.Swap(true) {
				logger.Error(err, "Can't ask whether this type has mirrors; the others go on, and it is tried again with backoff")
			}
			return false, nil
		}
		if found {
			p.use()
		} else {
			p.asked.Store(true)
		}
		return true, nil
	})
}

func (s *Set) informer(ctx context.Context, resource schema.GroupVersionResource, p *pair, role Role, handler Handler) *Informer {
	name := resource.GroupResource().String()
	refused := false // the informer's goroutine alone comes here
	selection := role.Selection
	selection.Resource = resource
	return New(role.Name+" of "+name, selection, role.Transform(resource), handler, func(err error) {
		logger := klog.FromContext(ctx).WithValues("resource", name, "role", role.Name)
		var refusal apierrors.APIStatus
		switch {
		case errors.As(err, &refusal):
			refused = true
			if apierrors.IsForbidden(err) {
				logger = logger.WithValues("rule", grantOf(resource.GroupResource()))
			}
			logger.Error(err, "Can't watch this type; the others go on, and it is tried again with backoff. Check that the controller may list and watch it")
		case err != nil:
			// No answer at all concerns every type: one line for each would drown what matters.
			logger.V(2).Info("Can't reach the API server to watch this type; trying again with backoff", "err", err)
		case refused:
			refused = false
			logger.Info("Watching this type works again")
		}
		p.tell(func(failing bool) { s.config.Observer.WatchFailing(name, failing) })
	})
}

// grantOf is the rule of a ClusterRole, in YAML, that lets the controller mirror a type.
func grantOf(resource schema.GroupResource) string {
	return fmt.Sprintf("{apiGroups: ['%s'], resources: [%s], verbs: [get, list, watch, create, update, patch, delete]}", resource.Group, resource.Resource)
}
