package mirror

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// table has what is known of one type: its sources and its mirrors, as the
// informers and our own writes tell. The Controller's lock guards it.
type table struct {
	resource schema.GroupVersionResource
	// ready says that both lists are in: what is not here doesn't exist (I5).
	ready   bool
	sources map[types.NamespacedName]*Source
	mirrors map[types.NamespacedName]*Record
	// bySource has the mirrors of each source that any names, by namespace. There
	// is more than one in a namespace only while a source changes target-name.
	bySource map[types.NamespacedName]map[string][]*Record
	// forms has the form that the server gave to our last write, where it is
	// another than what we sent.
	forms map[types.NamespacedName]*form
}

func newTable(resource schema.GroupVersionResource) *table {
	return &table{
		resource: resource,
		sources:  map[types.NamespacedName]*Source{},
		mirrors:  map[types.NamespacedName]*Record{},
		bySource: map[types.NamespacedName]map[string][]*Record{},
		forms:    map[types.NamespacedName]*form{},
	}
}

func (r *Record) key() types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
}

// set takes in what an informer or a response says of a mirror. It says what was
// known before, and whether this is news: not what we know already, as the echo of
// an own write, or something older.
func (t *table) set(r *Record) (before *Record, news bool) {
	before = t.mirrors[r.key()]
	switch {
	case before == nil:
	case before.ResourceVersion == r.ResourceVersion:
		// Known, but for a deletion of ours that this doesn't show yet.
		if !before.Terminating {
			t.replace(before, r)
		}
		return before, false
	case older(r.ResourceVersion, before.ResourceVersion):
		return before, false
	}
	t.replace(before, r)
	return before, true
}

// gone takes a mirror away that was seen to be gone at a resource version; not one
// that we made at the same place since. It returns what was taken away.
func (t *table) gone(r *Record, resourceVersion string) *Record {
	known := t.mirrors[r.key()]
	if known == nil || known.UID != r.UID && older(resourceVersion, known.ResourceVersion) {
		return nil
	}
	t.replace(known, nil)
	delete(t.forms, r.key())
	return known
}

// deleting marks a mirror as one whose deletion the server has accepted.
func (t *table) deleting(r *Record) {
	if known := t.mirrors[r.key()]; known != nil && known.UID == r.UID && !known.Terminating {
		going := *known
		going.Terminating = true
		t.replace(known, &going)
	}
}

// replace puts one record where another was; either may be nil.
func (t *table) replace(before, after *Record) {
	if before != nil {
		delete(t.mirrors, before.key())
		of := t.bySource[before.Source]
		rest := slices.DeleteFunc(of[before.Namespace], func(r *Record) bool { return r.Name == before.Name })
		if of[before.Namespace] = rest; len(rest) == 0 {
			delete(of, before.Namespace)
		}
		if len(of) == 0 {
			delete(t.bySource, before.Source)
		}
	}
	if after != nil {
		t.mirrors[after.key()] = after
		of := t.bySource[after.Source]
		if of == nil {
			of = map[string][]*Record{}
			t.bySource[after.Source] = of
		}
		of[after.Namespace] = append(of[after.Namespace], after)
	}
}
