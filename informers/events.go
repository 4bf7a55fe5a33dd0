package informers

import (
	"errors"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Handler is told of each change, in order, from a goroutine of the informer's own:
// it must be quick, since what it has not been told yet is kept for it.
type Handler interface {
	// Set tells that the object is there, in this form (new or changed).
	Set(obj any)
	// Gone tells that the object isn't there any more: its last known form, and the
	// resource version of its deletion, or of that form where nobody saw it go.
	Gone(obj any, resourceVersion string)
}

// Follower is a Handler that wants to know how far the watch has come.
type Follower interface {
	// Reached tells that the watch has brought all that there is up to this version. What
	// it has brought may be told of later.
	Reached(resourceVersion string)
}

// events makes of what client-go tells what a Handler is told.
type events struct {
	Handler
	store cache.Store
	// known has the last form of each object that could be read. The store may have
	// a later one, and client-go tells of a deletion with what the deletion brought.
	known map[cache.ObjectName]any
}

// OnAdd implements cache.ResourceEventHandler.
func (e *events) OnAdd(obj any, _ bool) { e.OnUpdate(nil, obj) }

// OnUpdate implements cache.ResourceEventHandler.
func (e *events) OnUpdate(_, obj any) {
	if _, ok := obj.(*unreadable); ok {
		return // it is there, but there is nothing to say of it
	}
	name, _ := cache.ObjectToName(obj)
	e.known[name] = obj
	e.Set(obj)
}

// OnDelete implements cache.ResourceEventHandler.
func (e *events) OnDelete(obj any) {
	name, _ := cache.DeletionHandlingObjectToName(obj)
	known, ok := e.known[name]
	if !ok {
		return
	}
	delete(e.known, name)
	// What a new list doesn't have comes without a version, and the one that the store has
	// come to may be past other news that we are yet to tell: it was there at its own.
	if _, unseen := obj.(cache.DeletedFinalStateUnknown); unseen {
		obj = known
	}
	resourceVersion := ""
	if m, err := meta.Accessor(obj); err == nil {
		resourceVersion = m.GetResourceVersion()
	}
	e.Gone(known, resourceVersion)
}

// unreadable stands for an object that could not be reduced: the object is there.
type unreadable struct{ metav1.ObjectMeta }

// carried is the key under which what is left of an object has its reduced form.
const carried = "kubemirror/reduced"

// version is one of an object.
type version struct{ namespace, name, resourceVersion string }

func versionOf(m *metav1.PartialObjectMetadata) version {
	return version{m.Namespace, m.Name, m.ResourceVersion}
}

// reduce is the transformation of an informer. It never fails: client-go would log
// the object along with the error, content and all (I8), and give up a whole list
// for it (I7).
func (i *Informer) reduce(obj any) (any, error) {
	switch o := obj.(type) {
	case *unreadable:
		return o, nil
	case *unstructured.Unstructured:
		if reduced, ok := o.Object[carried]; ok {
			return reduced, nil
		}
	case *metav1.PartialObjectMetadata:
		if reduced, ok := i.listed.LoadAndDelete(versionOf(o)); ok {
			return reduced, nil
		}
	}
	reduced, err := i.attempt(obj)
	if err == nil {
		return reduced, nil
	}
	stub := &unreadable{}
	if m, err := meta.Accessor(obj); err == nil {
		stub.Namespace, stub.Name, stub.ResourceVersion = m.GetNamespace(), m.GetName(), m.GetResourceVersion()
	}
	klog.Background().Error(err, "Can't read an object; it is passed over, and the others go on. Please report this", "informer", i.name, "object", cache.MetaObjectToName(stub).String())
	return stub, nil
}

// attempt applies the transformation. A panic over one object is an error of that
// object; its value is not logged, since it could hold content, but the stack is.
func (i *Informer) attempt(obj any) (reduced any, err error) {
	defer func() {
		if recover() != nil {
			reduced, err = nil, errors.New("panic at "+string(debug.Stack()))
		}
	}()
	return i.transform(obj)
}
