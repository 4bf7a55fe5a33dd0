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
	// newest is the newest resource version that the mirrors' informer has told of.
	newest string
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
		t.complete(before, r)
		return before, false
	case older(r.ResourceVersion, before.ResourceVersion):
		return before, false
	}
	t.replace(before, r)
	if r.sent != nil {
		t.accepted(r.sent, r)
	}
	return before, true
}

// heard takes note of how far the mirrors' informer has come.
func (t *table) heard(resourceVersion string) {
	if t.newest == "" || older(t.newest, resourceVersion) {
		t.newest = resourceVersion
	}
}

// answered takes in the server's answer to a write of ours. Where the informer is
// past it and knows of no such mirror, that has come and gone since: nobody would
// tell again.
func (t *table) answered(r *Record) (added bool) {
	if t.mirrors[r.key()] == nil && t.newest != "" && !older(t.newest, r.ResourceVersion) {
		return false
	}
	before, _ := t.set(r)
	return before == nil
}

// lost takes away a mirror that the server says isn't there.
func (t *table) lost(r *Record) (removed bool) {
	known := t.mirrors[r.key()]
	if known == nil || known.UID != r.UID {
		return false
	}
	t.replace(known, nil)
	delete(t.forms, r.key())
	return true
}

// complete takes in a second word on one version of a mirror: the echo after the
// answer to our write, or the answer after the echo, which alone has the content.
func (t *table) complete(before, r *Record) {
	switch {
	case before.Terminating: // a deletion of ours, that this doesn't show yet
	case before.sent == nil && r.sent != nil:
		t.accepted(r.sent, before)
	default:
		t.replace(before, r)
		if before.sent != nil {
			t.accepted(before.sent, r)
		}
	}
}

// accepted takes note of the form that the server gave to what was sent.
func (t *table) accepted(s *sent, r *Record) {
	delete(t.forms, r.key())
	if !inSync(s.shape, r, s.generation) {
		t.forms[r.key()] = newForm(s.shape, r)
	}
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
