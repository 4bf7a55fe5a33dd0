package controller

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// tables has what is known of each type, and what is so of all types together. The cache's
// lock guards it.
type tables struct {
	of map[schema.GroupResource]*table
	// kinds has the kinds of the types that are mirrored; metadata alone doesn't say them.
	kinds map[schema.GroupVersionResource]string
	// served has these types in the version in which they are.
	served map[schema.GroupResource]schema.GroupVersionResource
	owners *owners
	// elsewhere has the sources whose mirrors are of another type than they are.
	elsewhere map[mirror.SourceKey]bool
	// use has the mirrors of a type watched.
	use func(schema.GroupResource)
}

func newTables(use func(schema.GroupResource)) *tables {
	return &tables{of: map[schema.GroupResource]*table{}, owners: newOwners(), elsewhere: map[mirror.SourceKey]bool{}, use: use}
}

// serve takes in the types that are mirrored from now on.
func (ts *tables) serve(kinds map[schema.GroupVersionResource]string) {
	ts.kinds, ts.served = kinds, map[schema.GroupResource]schema.GroupVersionResource{}
	for served := range kinds {
		ts.served[served.GroupResource()] = served
	}
	for key := range ts.elsewhere {
		if src := ts.source(key); src != nil {
			ts.usedFor(src.Mirrors.Resource)
		}
	}
	for resource, t := range ts.of {
		for _, r := range t.mirrors {
			if of := ts.owners.recorded(r).Type; of != resource {
				ts.usedFor(of)
			}
		}
	}
}

// table returns the table of a type, made where there is none.
func (ts *tables) table(resource schema.GroupVersionResource) *table {
	t := ts.of[resource.GroupResource()]
	if t == nil || t.resource != resource {
		t = newTable(resource, ts.kinds[resource], ts.owners)
		ts.of[resource.GroupResource()] = t
	}
	return t
}

// source is a source that is there; nil where there is none to be seen.
func (ts *tables) source(key mirror.SourceKey) *mirror.Source {
	if t := ts.of[key.Type]; t != nil {
		return t.sources[key.NamespacedName()]
	}
	return nil
}

// usedFor has the mirrors of a type watched because a source or a mirror of another one
// has to do with it, if it is mirrored.
func (ts *tables) usedFor(resource schema.GroupResource) {
	if _, ok := ts.served[resource]; ok {
		ts.use(resource)
	}
}

// note takes in of which type a source's mirrors are to be.
func (ts *tables) note(key mirror.SourceKey, src *mirror.Source) {
	if src.Mirrors.Resource == key.Type {
		delete(ts.elsewhere, key)
		return
	}
	ts.elsewhere[key] = true
	ts.usedFor(src.Mirrors.Resource)
}

// knowsMirrorsOf reports whether it is known which mirrors of their type there are: before
// that, nothing is chosen, made or let go. Of a type that isn't mirrored nothing will be known.
func (ts *tables) knowsMirrorsOf(src *mirror.Source) bool {
	resource, mirrored := ts.served[src.Mirrors.Resource]
	t := ts.of[src.Mirrors.Resource]
	return !mirrored || t != nil && t.ready && t.resource == resource
}

// markDeleteRequested notes that we ask the server to delete a mirror, or that it didn't,
// if its type hasn't been forgotten.
func (ts *tables) markDeleteRequested(r *mirror.Record, asked bool) {
	if t := ts.of[r.Resource()]; t != nil {
		t.markDeleteRequested(r, asked)
	}
}

// concerned lists the sources that have to do with a type: those of it, those whose mirrors
// are to be of it, and those that have such, be they there or not.
func (ts *tables) concerned(t *table) []mirror.SourceKey {
	found := map[mirror.SourceKey]bool{}
	for name := range t.sources {
		found[t.sourceKey(name)] = true
	}
	for key := range ts.elsewhere {
		if src := ts.source(key); src != nil && src.Mirrors.Resource == t.resource.GroupResource() {
			found[key] = true
		}
	}
	for key := range ts.owners.mirrors {
		if key.Type == t.resource.GroupResource() {
			found[key] = true
		}
	}
	for _, r := range t.mirrors {
		if r.Standing.IsMirror() {
			found[ts.owners.recorded(r)] = true
		}
	}
	return slices.Collect(maps.Keys(found))
}

// reown finds the owners of mirrors anew, once all sources of a type are known.
func (ts *tables) reown(t *table) {
	var all []*mirror.Record
	for _, r := range t.mirrors {
		if r.Standing.IsMirror() {
			all = append(all, r)
		}
	}
	for key, has := range ts.owners.mirrors {
		if key.Type == t.resource.GroupResource() {
			for _, records := range has {
				all = append(all, records...)
			}
		}
	}
	for _, r := range all {
		if ts.owners.of(r) != ts.owners.recorded(r) {
			ts.owners.remove(r)
			ts.owners.add(r)
		}
	}
}

// forget takes a type away, and deletes nothing for it (I5).
func (ts *tables) forget(t *table) {
	for _, r := range t.mirrors {
		if r.Standing.IsMirror() {
			ts.owners.remove(r)
		}
	}
	for name, src := range t.sources {
		delete(ts.owners.byUID, src.UID)
		delete(ts.elsewhere, t.sourceKey(name))
	}
	delete(ts.of, t.resource.GroupResource())
}

func (t *table) sourceKey(name types.NamespacedName) mirror.SourceKey {
	return mirror.SourceKey{Type: t.resource.GroupResource(), Namespace: name.Namespace, Name: name.Name}
}
