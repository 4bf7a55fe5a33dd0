package mirror

import (
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
)

// The API server deletes an object that is being deleted when an update leaves it
// without finalizers, and it does so in a second step: the update is called off, and
// whatever has the name then is deleted (apiserver's registry.Store: Update,
// deleteWithoutFinalizers). By then it may be another object, if somebody else was as
// fast: a person who strips finalizers and applies the object again, or a request of
// ours from before that hung. A resource version doesn't help, for it is compared in
// the first step alone; nor does a UID in a patch. Only a PUT makes its object's UID a
// precondition of the second step too (rest.DefaultUpdatedObjectInfo has an object to
// take it from, and for a patch none).
//
// So the last finalizer of an object that is being deleted is taken off by a PUT of
// the whole object, which was read for it: nothing else asks for that, and nothing
// else of ours is ever put in the place of an object that is no mirror. What it holds
// is sent as it was read, in JSON, so that no field is lost that this program
// doesn't know; and it is gone in the same moment.

// HoldsLast reports whether an object that is being deleted would go if our finalizer
// were taken off.
func HoldsLast(o metav1.Object) bool {
	return o.GetDeletionTimestamp() != nil && slices.Contains(o.GetFinalizers(), api.Finalizer) && len(OthersFinalizers(o.GetFinalizers())) == 0
}

// LetGo is what is to be put in the place of an object that was read, so that it goes: all
// of it, less our finalizer. It is a conflict if the object isn't the one of this UID any
// more, or would not go.
func LetGo(resource schema.GroupResource, u *unstructured.Unstructured, uid types.UID) (Body, error) {
	if u.GetUID() != uid || !HoldsLast(u) {
		return Body{}, apierrors.NewConflict(resource, u.GetName(), errors.New("it has changed since it was seen"))
	}
	return withoutFinalizer(u)
}

func withoutFinalizer(u *unstructured.Unstructured) (Body, error) {
	rest := *u
	rest.Object = runtime.DeepCopyJSON(u.Object)
	rest.SetFinalizers(OthersFinalizers(u.GetFinalizers()))
	text, err := rest.MarshalJSON()
	return Body{runtime.ContentTypeJSON, text}, err
}

// OthersFinalizers is a list of finalizers less ours. Of a list that has ours it is never
// nil: in a patch, that would leave the list as it is.
func OthersFinalizers(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(f string) bool { return f == api.Finalizer })
}
