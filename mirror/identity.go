package mirror

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// Identity is what is kept of any object; it is enough for client-go to store
// the reduced objects as it would store whole ones.
type Identity struct {
	Namespace, Name string
	UID             types.UID
	ResourceVersion string
}

// GetObjectMeta makes the reduced objects readable by apimachinery's
// meta.Accessor. The metadata is made anew at each call, to be read only.
func (i *Identity) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: i.Namespace, Name: i.Name, UID: i.UID, ResourceVersion: i.ResourceVersion}
}

// Older reports whether a is certainly an older resource version than b, both of
// one resource type. Versions that can't be compared are not older.
func Older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
