package informers

import (
	"errors"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Handler is told of each change, in order, from a goroutine of the informer's own:
// it must be quick, since what it has not been told yet is kept for it. What it is told
// is its own to keep, or not to: the informer keeps no more than which objects there are.
type Handler interface {
	// Set tells that the object is there, in this form (new or changed).
	Set(obj any)
	// Gone tells that the object isn't there any more, and the resource version of its
	// deletion, or of its last form where nobody saw it go. It may be told of one that was
	// never Set, since it could not be read.
	Gone(name types.NamespacedName, uid types.UID, resourceVersion string)
}

// Beginner is a Handler that tells what was there at the start from what came later.
type Beginner interface {
	// SetAtStart is Set, for what is in the first list.
	SetAtStart(obj any)
}

// Follower is a Handler that wants to know how far the watch has come.
type Follower interface {
	// Reached tells that the watch has brought all that there is up to this version. What
	// it has brought may be told of later.
	Reached(resourceVersion string)
}

// item is what the informer keeps of an object: which it is, and what was made of it until
// the handler has been told.
type item struct {
	name            types.NamespacedName
	uid             types.UID
	resourceVersion string
	reduced         any // nil: told, or it can't be read
}

// newItem is that of a reduced object.
func newItem(reduced any) *item {
	m, err := meta.Accessor(reduced)
	if err != nil {
		panic(err) // what a transformation makes has metadata
	}
	return &item{types.NamespacedName{Namespace: m.GetNamespace(), Name: m.GetName()}, m.GetUID(), m.GetResourceVersion(), reduced}
}

// GetObjectMeta implements metav1.ObjectMetaAccessor, for client-go. It is made anew at
// each call, to be read only.
func (i *item) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: i.name.Namespace, Name: i.name.Name, UID: i.uid, ResourceVersion: i.resourceVersion}
}

// events makes of what client-go tells what a Handler is told.
type events struct{ Handler }

// OnAdd implements cache.ResourceEventHandler.
func (e events) OnAdd(obj any, atStart bool) {
	if b, ok := e.Handler.(Beginner); ok && atStart {
		tell(obj, b.SetAtStart)
		return
	}
	tell(obj, e.Set)
}

// OnUpdate implements cache.ResourceEventHandler.
func (e events) OnUpdate(_, obj any) { tell(obj, e.Set) }

func tell(obj any, to func(any)) {
	if told := obj.(*item); told.reduced != nil {
		to(told.reduced)
		told.reduced = nil
	}
}

// OnDelete implements cache.ResourceEventHandler. What a new list doesn't have comes with
// the last form that there was.
func (e events) OnDelete(obj any) {
	if unseen, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unseen.Obj
	}
	gone := obj.(*item)
	e.Gone(gone.name, gone.uid, gone.resourceVersion)
}

// carried is the key under which what is left of an object has its reduced form.
const carried = "kubemirror/reduced"

// version is one of an object.
type version struct{ namespace, name, resourceVersion string }

func versionOf(m *metav1.PartialObjectMetadata) version {
	return version{m.Namespace, m.Name, m.ResourceVersion}
}

// reduce is the transformation of an informer: it makes an *item of an object. It never
// fails: client-go would log the object along with the error, content and all (I8), and
// give up a whole list for it (I7).
func (i *Informer) reduce(obj any) (any, error) {
	switch o := obj.(type) {
	case *item:
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
	stub := &item{}
	if _, err := meta.Accessor(obj); err == nil {
		stub = newItem(obj)
		stub.reduced = nil
	}
	klog.Background().Error(err, "Can't read an object; it is passed over, and the others go on. Please report this", "informer", i.name, "object", cache.MetaObjectToName(stub.GetObjectMeta()).String())
	return stub, nil
}

// attempt applies the transformation. A panic over one object is an error of that
// object; its value is not logged, since it could hold content, but the stack is.
func (i *Informer) attempt(obj any) (reduced *item, err error) {
	defer func() {
		if recover() != nil {
			reduced, err = nil, errors.New("panic at "+string(debug.Stack()))
		}
	}()
	made, err := i.transform(obj)
	if err != nil {
		return nil, err
	}
	return newItem(made), nil
}
