package informers

import (
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
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
//
// Its methods return no errors: the reflector logs the object along with an
// error, content and all (I8), and gives up a whole list for it (I7).
type store struct {
	name      string
	transform cache.TransformFunc
	handler   Handler
	// replaced is called after each list.
	replaced func()
	items    map[types.NamespacedName]any
	synced   chan struct{}
	born     time.Time
	// lastHeard is counted from born: a step of the wall clock is not silence.
	lastHeard atomic.Int64
}

var (
	_ cache.TransformingStore      = (*store)(nil)
	_ cache.ReflectorBookmarkStore = (*store)(nil)
)

// Transformer makes the reflector reduce the objects of a streamed list one by
// one, as they arrive, instead of holding them all in full. An object that can't
// be reduced stays as it is: Replace meets it again and leaves it out.
func (s *store) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) {
		s.touch()
		if reduced, err := s.reduce(obj); err == nil {
			return reduced, nil
		}
		return obj, nil
	}
}

func (s *store) Add(obj any) error { return s.Update(obj) }

func (s *store) Update(obj any) error {
	s.touch()
	if key, reduced := s.read(obj); reduced != nil {
		s.items[key] = reduced
		s.handler.Set(reduced)
	}
	return nil
}

func (s *store) Delete(obj any) error {
	s.touch()
	key, resourceVersion := identify(obj)
	if known, ok := s.items[key]; ok {
		delete(s.items, key)
		s.handler.Gone(known, resourceVersion)
	}
	return nil
}

// Replace takes a new list: at start, and after the watch could not be resumed.
func (s *store) Replace(list []any, resourceVersion string) error {
	s.touch()
	items := make(map[types.NamespacedName]any, len(list))
	for _, obj := range list {
		key, reduced := s.read(obj)
		if reduced != nil {
			items[key] = reduced
			s.handler.Set(reduced)
		} else if known, ok := s.items[key]; ok {
			items[key] = known // unreadable now, but there
		}
	}
	for key, known := range s.items {
		if _, still := items[key]; !still {
			s.handler.Gone(known, resourceVersion)
		}
	}
	s.items = items
	select {
	case <-s.synced:
	default:
		close(s.synced)
	}
	s.replaced()
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

func (s *store) touch() { s.lastHeard.Store(int64(time.Since(s.born))) }

func (s *store) quiet() time.Duration {
	return time.Since(s.born) - time.Duration(s.lastHeard.Load())
}

// read says which object this is, and reduces it; nil if that can't be done. The
// key is made of the reduced object's texts, so that it holds no others.
func (s *store) read(obj any) (types.NamespacedName, any) {
	reduced, err := s.reduce(obj)
	if err != nil {
		key, _ := identify(obj)
		klog.Background().Error(err, "Can't read an object; it is passed over, and the others go on. Please report this", "informer", s.name, "object", key)
		return key, nil
	}
	key, _ := identify(reduced)
	return key, reduced
}

// reduce applies the transformation. A panic over one object is an error of that
// object; its value is not logged, since it could hold content, but the stack is.
func (s *store) reduce(obj any) (reduced any, err error) {
	defer func() {
		if recover() != nil {
			reduced, err = nil, errors.New("panic at "+string(debug.Stack()))
		}
	}()
	return s.transform(obj)
}

func identify(obj any) (types.NamespacedName, string) {
	m, err := meta.Accessor(obj)
	if err != nil {
		return types.NamespacedName{}, "" // the reflector hands on nothing without metadata
	}
	return types.NamespacedName{Namespace: m.GetNamespace(), Name: m.GetName()}, m.GetResourceVersion()
}
