package controller

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// owners has whose each mirror is. A source and its mirrors need not be of one type, so it
// is for all types at once. The cache's lock guards it.
type owners struct {
	// byUID has the sources that are there.
	byUID map[types.UID]mirror.SourceKey
	// mirrors has the mirrors of each source that has any, by namespace. There is more
	// than one in a namespace while a source changes target-name or target-kind, or where
	// somebody made them.
	mirrors map[mirror.SourceKey]map[string][]*mirror.Record
	// reassigned has whose a mirror is, where that is not the source that it names.
	reassigned map[object]mirror.SourceKey
}

func newOwners() *owners {
	return &owners{byUID: map[types.UID]mirror.SourceKey{}, mirrors: map[mirror.SourceKey]map[string][]*mirror.Record{}, reassigned: map[object]mirror.SourceKey{}}
}

// of is the source that a mirror is of, by what is known now.
func (o *owners) of(r *mirror.Record) mirror.SourceKey { return r.Owner(o.byUID) }

// recorded is whose a mirror is that has been taken in.
func (o *owners) recorded(r *mirror.Record) mirror.SourceKey {
	if source, ok := o.reassigned[objectOf(r)]; ok {
		return source
	}
	return r.Source()
}

// add takes in a mirror.
func (o *owners) add(r *mirror.Record) {
	owner := o.of(r)
	if owner != r.Source() {
		o.reassigned[objectOf(r)] = owner
	}
	has := o.mirrors[owner]
	if has == nil {
		has = map[string][]*mirror.Record{}
		o.mirrors[owner] = has
	}
	has[r.Namespace] = append(has[r.Namespace], r)
}

// remove takes a mirror away that was taken in.
func (o *owners) remove(r *mirror.Record) {
	owner := o.recorded(r)
	delete(o.reassigned, objectOf(r))
	has := o.mirrors[owner]
	rest := slices.DeleteFunc(has[r.Namespace], func(other *mirror.Record) bool { return objectOf(other) == objectOf(r) })
	if has[r.Namespace] = rest; len(rest) == 0 {
		delete(has, r.Namespace)
	}
	if len(has) == 0 {
		delete(o.mirrors, owner)
	}
}

// object is what two can want at once: a name in a namespace.
type object struct {
	kind schema.GroupResource
	at   types.NamespacedName
}

func objectOf(r *mirror.Record) object { return object{r.Resource(), r.Key()} }
