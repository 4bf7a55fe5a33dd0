package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// table has what is known of one type: its sources and its mirrors, as the
// informers and our own writes tell. The cache's lock guards it.
type table struct {
	resource schema.GroupVersionResource
	kind     string
	// newest is the newest resource version that the mirrors' informer has told of.
	newest string
	// reached is how far the watch of the mirrors has come: it has brought all that there is
	// up to this resource version.
	reached string
	// unconfirmed has the mirrors of which the watch is yet to tell what the server
	// answered to us, since when.
	unconfirmed map[types.NamespacedName]time.Time
	// forms has what the server makes of content, where it was read to be another.
	forms map[types.NamespacedName]contentForm
	// ready says that both lists are in: what is not here doesn't exist (I5).
	ready   bool
	sources map[types.NamespacedName]*mirror.Source
	// mirrors has what carries the mirror label and isn't Foreign.
	mirrors map[types.NamespacedName]*mirror.Record
	// owners is that of all types.
	owners *owners
	// outside has the sources from namespaces where none are honoured that have our
	// finalizer nevertheless.
	outside map[types.NamespacedName]bool
	// accepted has the form that the server gave to our last write, where it is
	// another than what we sent.
	accepted map[types.NamespacedName]*mirror.Accepted
}

func newTable(resource schema.GroupVersionResource, kind string, owners *owners) *table {
	return &table{
		resource: resource,
		kind:     kind,
		sources:  map[types.NamespacedName]*mirror.Source{},
		owners:   owners,
		outside:  map[types.NamespacedName]bool{},
		mirrors:  map[types.NamespacedName]*mirror.Record{},

		unconfirmed: map[types.NamespacedName]time.Time{},
		forms:       map[types.NamespacedName]contentForm{},
		accepted:    map[types.NamespacedName]*mirror.Accepted{},
	}
}

// gvk is the kind of the type's objects.
func (t *table) gvk() schema.GroupVersionKind { return t.resource.GroupVersion().WithKind(t.kind) }

func (t *table) typeName() string { return mirror.TypeName(t.gvk()) }

// setSource takes in a source that is there.
func (t *table) setSource(src *mirror.Source) {
	if before := t.sources[src.Key()]; before != nil && before.UID != src.UID {
		delete(t.owners.byUID, before.UID)
	}
	t.sources[src.Key()] = src
	if src.UID != "" {
		t.owners.byUID[src.UID] = t.sourceKey(src.Key())
	}
}

// removeSource takes a source away that is there no more.
func (t *table) removeSource(src *mirror.Source) {
	if known := t.sources[src.Key()]; known != nil {
		delete(t.owners.byUID, known.UID)
	}
	delete(t.sources, src.Key())
}

// set takes in what an informer or a response says of a mirror. It says what was
// known before, and whether this is news: not what we know already, as the echo of
// an own write, or something older.
func (t *table) set(r *mirror.Record) (before *mirror.Record, news bool) {
	before = t.mirrors[r.Key()]
	switch {
	case before == nil:
	case before.ResourceVersion == r.ResourceVersion:
		t.mergeEcho(before, r)
		return before, false
	case mirror.Older(r.ResourceVersion, before.ResourceVersion):
		return before, false
	}
	if before != nil && before.UID == r.UID {
		r.DeleteRequested = before.DeleteRequested
		r.Follow(&before.Knowledge)
	}
	t.replace(before, r)
	return before, true
}

// observeVersion records how far the mirrors' informer has come.
func (t *table) observeVersion(resourceVersion string) {
	if t.newest == "" || mirror.Older(t.newest, resourceVersion) {
		t.newest = resourceVersion
	}
}

// recordAnswer takes in the server's answer to a write of ours, which wrote what d says.
// Where the informer is past it and knows of no such mirror, that has come and gone
// since: nobody would tell again.
func (t *table) recordAnswer(r *mirror.Record, d mirror.Draft) {
	if t.mirrors[r.Key()] == nil && t.newest != "" && !mirror.Older(t.newest, r.ResourceVersion) {
		return
	}
	if _, news := t.set(r); news {
		t.unconfirmed[r.Key()] = time.Now()
	}
	delete(t.accepted, r.Key())
	if generation := d.Source.Generation > 0; !mirror.MetadataInSync(d.Desired, r, generation) {
		t.accepted[r.Key()] = mirror.NewAccepted(d.Desired, r)
	}
}

// confirm records that the watch has told of a mirror in this version.
func (t *table) confirm(r *mirror.Record) {
	if known := t.mirrors[r.Key()]; known == nil || !mirror.Older(r.ResourceVersion, known.ResourceVersion) {
		delete(t.unconfirmed, r.Key())
	}
}

// confirmWithin is how long we may take to hear of a write of ours that the watch has
// brought: it has a queue of its own.
const confirmWithin = 10 * time.Second

// isPassed reports whether the watch has come past a write of ours, and hasn't told of it.
func (t *table) isPassed(r *mirror.Record) bool {
	_, unconfirmed := t.unconfirmed[r.Key()]
	return unconfirmed && t.reached != "" && mirror.Older(r.ResourceVersion, t.reached)
}

// passed returns all such mirrors, and for how long we may yet hear of each.
func (t *table) passed() map[*mirror.Record]time.Duration {
	rest := map[*mirror.Record]time.Duration{}
	for key, since := range t.unconfirmed {
		if known := t.mirrors[key]; t.isPassed(known) {
			rest[known] = confirmWithin - time.Since(since)
		}
	}
	return rest
}

// doubt has a mirror read that we should have heard of: the watch broke, and nobody tells
// of what came and went before the list that it began anew with. It returns what is known
// of it now.
func (t *table) doubt(known *mirror.Record) *mirror.Record {
	if !t.isPassed(known) || time.Since(t.unconfirmed[known.Key()]) < confirmWithin {
		return known
	}
	r := *known
	r.State = mirror.ContentTouched
	t.replace(known, &r)
	return &r
}

// refused records that the server refused a write because this isn't the version that
// it has. It reports whether that happened before, so that nobody is about to tell.
func (t *table) refused(r *mirror.Record) (again bool) {
	known := t.mirrors[r.Key()]
	if known == nil || known.ResourceVersion != r.ResourceVersion {
		return false
	}
	again = known.Refused
	next := *known
	next.Refused = true
	t.replace(known, &next)
	return again
}

// recognize takes what was read of a mirror for the form in which the server keeps what
// we wrote, where it has been found to be the same after we wrote the same again.
func (t *table) recognize(r *mirror.Record) {
	if r == nil || !r.IsFormOf(r.Written()) {
		return
	}
	if known, ok := t.forms[r.Key()]; !ok || known != (contentForm{r.Written(), r.Content}) {
		t.forms[r.Key()] = contentForm{r.Written(), r.Content}
		return
	}
	r.Learn(r.Written(), r.Immutable)
}

// contentForm is what was written and what was read then.
type contentForm struct{ written, read mirror.Hash }

// dropNotFound takes away a mirror that the server says isn't there.
func (t *table) dropNotFound(r *mirror.Record) (removed bool) {
	known := t.mirrors[r.Key()]
	if known == nil || known.UID != r.UID {
		return false
	}
	t.replace(known, nil)
	delete(t.accepted, r.Key())
	return true
}

// mergeEcho takes in a second word on one version of a mirror: the answer to our write
// or to our question, after the watch has told of it, knows the content too.
func (t *table) mergeEcho(before, r *mirror.Record) {
	if before.Terminating || r.State != mirror.ContentKnown { // a deletion of ours, that this doesn't show yet
		return
	}
	r.DeleteRequested = before.DeleteRequested
	r.Complete(&before.Knowledge)
	t.replace(before, r)
}

// observeDelete takes a mirror away that was seen to be gone at a resource version; not one
// that we made at the same place since. It returns what was taken away.
func (t *table) observeDelete(name types.NamespacedName, uid types.UID, resourceVersion string) *mirror.Record {
	known := t.mirrors[name]
	if known == nil || known.UID != uid && mirror.Older(resourceVersion, known.ResourceVersion) {
		return nil
	}
	t.replace(known, nil)
	delete(t.accepted, name)
	return known
}

// markDeleteRequested notes that we ask the server to delete a mirror, or that it didn't: what an
// informer tells then is no news of anybody else's.
func (t *table) markDeleteRequested(r *mirror.Record, asked bool) {
	if known := t.mirrors[r.Key()]; known != nil && known.UID == r.UID {
		going := *known
		going.DeleteRequested = asked
		t.replace(known, &going)
	}
}

// markTerminating marks a mirror as one whose deletion the server has accepted.
func (t *table) markTerminating(r *mirror.Record) {
	if known := t.mirrors[r.Key()]; known != nil && known.UID == r.UID && !known.Terminating {
		going := *known
		going.Terminating = true
		t.replace(known, &going)
	}
}

// replace puts one record where another was; either may be nil.
func (t *table) replace(before, after *mirror.Record) {
	if before != nil {
		delete(t.mirrors, before.Key())
		if before.Standing.IsMirror() {
			t.owners.remove(before)
		}
	}
	if after == nil {
		delete(t.unconfirmed, before.Key())
		delete(t.forms, before.Key())
	}
	if after != nil {
		t.mirrors[after.Key()] = after
		if after.Standing.IsMirror() {
			t.owners.add(after)
		}
	}
}
