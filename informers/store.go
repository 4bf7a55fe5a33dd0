package informers

import (
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// Handler is told of each change, in order, from the informer's own goroutine:
// it must be quick, and must not call back into the informer.
type Handler interface {
	// Set tells that the object is there, in this form (new or changed).
	Set(obj any)
	// Gone tells that the object isn't there any more: its last known form, and
	// the resource version at which it was seen to be gone.
	Gone(obj any, resourceVersion string)
}

// store is what the reflector writes to. It keeps the transformed objects, to
// know after a new list which of them are gone, and passes changes on. Only the
// reflector's goroutine calls it.
type store struct {
	transform cache.TransformFunc
	handler   Handler
	items     map[types.NamespacedName]any
	synced    chan struct{}
	lastEvent atomic.Int64 // Unix nanoseconds
}

var (
	_ cache.TransformingStore      = (*store)(nil)
	_ cache.ReflectorBookmarkStore = (*store)(nil)
)

// Transformer makes the reflector reduce the objects of a streamed list one by
// one, as they arrive, instead of holding them all in full.
func (s *store) Transformer() cache.TransformFunc { return s.transform }

func (s *store) Add(obj any) error { return s.Update(obj) }

func (s *store) Update(obj any) error {
	s.touch()
	obj, err := s.transform(obj)
	if err != nil {
		return err
	}
	return s.set(obj)
}

func (s *store) set(obj any) error {
	key, _, err := identify(obj)
	if err != nil {
		return err
	}
	s.items[key] = obj
	s.handler.Set(obj)
	return nil
}

func (s *store) Delete(obj any) error {
	s.touch()
	key, resourceVersion, err := identify(obj)
	if err != nil {
		return err
	}
	if known, ok := s.items[key]; ok {
		delete(s.items, key)
		s.handler.Gone(known, resourceVersion)
	}
	return nil
}

// Replace takes a new list: at start, and after the watch could not be resumed.
func (s *store) Replace(list []any, resourceVersion string) error {
	s.touch()
	gone := s.items
	s.items = make(map[types.NamespacedName]any, len(list))
	for _, obj := range list {
		obj, err := s.transform(obj)
		if err != nil {
			return err
		}
		if err := s.set(obj); err != nil {
			return err
		}
	}
	for key, known := range gone {
		if _, still := s.items[key]; !still {
			s.handler.Gone(known, resourceVersion)
		}
	}
	select {
	case <-s.synced:
	default:
		close(s.synced)
	}
	return nil
}

// Bookmark is the server's sign of life, about once a minute, on a watch on
// which nothing happens.
func (s *store) Bookmark(string) error {
	s.touch()
	return nil
}

// Resync is for stores that want to see everything again from time to time.
func (s *store) Resync() error { return nil }

func (s *store) touch() { s.lastEvent.Store(time.Now().UnixNano()) }

func identify(obj any) (types.NamespacedName, string, error) {
	m, err := meta.Accessor(obj)
	if err != nil {
		return types.NamespacedName{}, "", err
	}
	return types.NamespacedName{Namespace: m.GetNamespace(), Name: m.GetName()}, m.GetResourceVersion(), nil
}
