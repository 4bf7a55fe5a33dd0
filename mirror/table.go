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
	kind     string
	// newest is the newest resource version that the mirrors' informer has told of.
	newest string
	// ready says that both lists are in: what is not here doesn't exist (I5).
	ready   bool
	sources map[types.NamespacedName]*Source
	// byUID has the sources' names.
	byUID map[types.UID]types.NamespacedName
	// mirrors has what carries the mirror label and isn't Foreign.
	mirrors map[types.NamespacedName]*Record
	// bySource has the mirrors of each source that has any, by namespace. There is more
	// than one in a namespace only while a source changes target-name.
	bySource map[types.NamespacedName]map[string][]*Record
	// owners has whose a mirror is, where that is not the source that it names.
	owners map[types.NamespacedName]types.NamespacedName
	// outside has the sources from namespaces where none are honoured that have our
	// finalizer nevertheless.
	outside map[types.NamespacedName]bool
	// forms has the form that the server gave to our last write, where it is
	// another than what we sent.
	forms map[types.NamespacedName]*form
}

func newTable(resource schema.GroupVersionResource, kind string) *table {
	return &table{
		resource: resource,
		kind:     kind,
		sources:  map[types.NamespacedName]*Source{},
		byUID:    map[types.UID]types.NamespacedName{},
		owners:   map[types.NamespacedName]types.NamespacedName{},
		outside:  map[types.NamespacedName]bool{},
		mirrors:  map[types.NamespacedName]*Record{},
		bySource: map[types.NamespacedName]map[string][]*Record{},
		forms:    map[types.NamespacedName]*form{},
	}
}

// gvk is the kind of the type's objects.
func (t *table) gvk() schema.GroupVersionKind { return t.resource.GroupVersion().WithKind(t.kind) }

func (t *table) typeName() string { return typeName(t.gvk()) }

// owner is the name of the source that a mirror is of: the one whose UID it has, if
// that is to be seen, and otherwise the one that it names. So somebody who edits the
// name makes it nobody else's.
func (t *table) owner(r *Record) types.NamespacedName {
	if name, ok := t.byUID[types.UID(r.SourceUID)]; ok {
		return name
	}
	return r.Source
}

// ownerOf is whose a mirror is that has been taken in.
func (t *table) ownerOf(r *Record) types.NamespacedName {
	if name, ok := t.owners[r.key()]; ok {
		return name
	}
	return r.Source
}

// setSource takes in a source that is there.
func (t *table) setSource(src *Source) {
	if before := t.sources[src.key()]; before != nil && before.UID != src.UID {
		delete(t.byUID, before.UID)
	}
	t.sources[src.key()] = src
	if src.UID != "" {
		t.byUID[src.UID] = src.key()
	}
}

// removeSource takes a source away that is there no more.
func (t *table) removeSource(src *Source) {
	if known := t.sources[src.key()]; known != nil {
		delete(t.byUID, known.UID)
	}
	delete(t.sources, src.key())
}

// reown finds the owners of the mirrors anew, once all sources are known.
func (t *table) reown() {
	for _, r := range t.mirrors {
		if t.owner(r) != t.ownerOf(r) {
			t.replace(r, r)
		}
	}
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
	if before != nil && before.UID == r.UID {
		r.deleted = before.deleted
		r.follow(&before.knowledge)
	}
	t.replace(before, r)
	return before, true
}

// heard takes note of how far the mirrors' informer has come.
func (t *table) heard(resourceVersion string) {
	if t.newest == "" || older(t.newest, resourceVersion) {
		t.newest = resourceVersion
	}
}

// answered takes in the server's answer to a write of ours, which wrote what d says.
// Where the informer is past it and knows of no such mirror, that has come and gone
// since: nobody would tell again.
func (t *table) answered(r *Record, d draft) {
	if t.mirrors[r.key()] == nil && t.newest != "" && !older(t.newest, r.ResourceVersion) {
		return
	}
	t.set(r)
	delete(t.forms, r.key())
	if generation := d.source.Generation > 0; !metadataInSync(d.shape, r, generation) {
		t.forms[r.key()] = newForm(d.shape, r)
	}
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

// complete takes in a second word on one version of a mirror: the answer to our write
// or to our question, after the watch has told of it, knows the content too.
func (t *table) complete(before, r *Record) {
	if before.Terminating || r.state != contentKnown { // a deletion of ours, that this doesn't show yet
		return
	}
	r.deleted, r.seenAt = before.deleted, before.seenAt
	t.replace(before, r)
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

// delete notes that we ask the server to delete a mirror, or that it didn't: what an
// informer tells then is no news of anybody else's.
func (t *table) delete(r *Record, asked bool) {
	if known := t.mirrors[r.key()]; known != nil && known.UID == r.UID {
		going := *known
		going.deleted = asked
		t.replace(known, &going)
	}
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
		if before.Standing.IsMirror() {
			t.disown(before)
		}
	}
	if after != nil {
		t.mirrors[after.key()] = after
		if after.Standing.IsMirror() {
			t.own(after)
		}
	}
}

func (t *table) own(r *Record) {
	owner := t.owner(r)
	if owner != r.Source {
		t.owners[r.key()] = owner
	}
	of := t.bySource[owner]
	if of == nil {
		of = map[string][]*Record{}
		t.bySource[owner] = of
	}
	of[r.Namespace] = append(of[r.Namespace], r)
}

func (t *table) disown(r *Record) {
	owner := t.ownerOf(r)
	delete(t.owners, r.key())
	of := t.bySource[owner]
	rest := slices.DeleteFunc(of[r.Namespace], func(other *Record) bool { return other.Name == r.Name })
	if of[r.Namespace] = rest; len(rest) == 0 {
		delete(of, r.Namespace)
	}
	if len(of) == 0 {
		delete(t.bySource, owner)
	}
}
