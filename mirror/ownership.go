package mirror

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/maphash"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
)

// ownership tells, by the server's own record in managedFields, which keys of an
// object's metadata we wrote last, and which somebody else did. It knows the keys
// of others that nobody else could tell from ours: a label that a user added to a
// mirror looks just like one that its source has dropped.
type ownership struct {
	// alone says that nobody but us has written the object.
	alone        bool
	ours, theirs []author
	// content is a fingerprint of what others wrote beside metadata and status, in
	// whichever way, and when; zero where there is nothing. others is that of all that
	// they wrote.
	content, others uint64
	// status says that the status was written as a part of the object: its type has no
	// subresource for it, so that a PUT without one takes it away.
	status bool
}

// author is one of those who wrote an object: what of its metadata is theirs, and
// when they wrote last, in seconds.
type author struct {
	metadata metadataFields
	raw      []byte
	at       int64
}

type metadataFields struct {
	Labels      map[string]json.RawMessage `json:"f:labels"`
	Annotations map[string]json.RawMessage `json:"f:annotations"`
}

func ownershipOf(entries []metav1.ManagedFieldsEntry) ownership {
	o := ownership{alone: len(entries) > 0, status: len(entries) == 0} // where nothing is known, there may be one
	for i := range entries {
		o.alone = o.alone && entries[i].Manager == api.FieldManager
	}
	for i := range entries {
		o.add(&entries[i])
	}
	return o
}

// add takes in one entry. Where we are alone all is ours, and what needn't be read.
func (o *ownership) add(e *metav1.ManagedFieldsEntry) {
	a := author{raw: e.FieldsV1.GetRawBytes()}
	if e.Time != nil {
		a.at = e.Time.Unix()
	}
	if e.Subresource == "" && bytes.Contains(a.raw, []byte(`"f:status"`)) {
		tree, _ := parseFields(a.raw)
		_, status := tree["f:status"]
		o.status = o.status || status
	}
	if o.alone {
		o.ours = append(o.ours, a)
		return
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(a.raw, &fields) // the server's own words
	_ = json.Unmarshal(fields["f:metadata"], &a.metadata)
	if e.Manager == api.FieldManager {
		o.ours = append(o.ours, a)
		return
	}
	o.theirs = append(o.theirs, a)
	written := fingerprintOf(e, a)
	o.others ^= written
	delete(fields, "f:metadata")
	delete(fields, "f:status")
	if len(fields) > 0 {
		o.content ^= written
	}
}

// seed makes fingerprints of this process comparable.
var seed = maphash.MakeSeed()

// fingerprintOf is never zero, and doesn't depend on the order of the entries.
func fingerprintOf(e *metav1.ManagedFieldsEntry, a author) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(e.Manager + "\x00" + string(e.Operation) + "\x00" + e.Subresource + "\x00" + e.APIVersion + "\x00")
	_ = binary.Write(&h, binary.BigEndian, a.at)
	_, _ = h.Write(a.raw)
	return h.Sum64() | 1
}

// owns reports whether a label, or an annotation, is ours.
func (o *ownership) owns(keysOf func(*metadataFields) map[string]json.RawMessage, key string) bool {
	return o.alone || has(o.ours, keysOf, key)
}

func labelsOf(m *metadataFields) map[string]json.RawMessage      { return m.Labels }
func annotationsOf(m *metadataFields) map[string]json.RawMessage { return m.Annotations }

// wroteLabel reports whether we were the last to write a label.
func (o *ownership) wroteLabel(key string) bool { return o.owns(labelsOf, key) }

// since is when we wrote last.
func (o *ownership) since() int64 {
	var since int64
	for _, a := range o.ours {
		since = max(since, a.at)
	}
	return since
}

// stamped reports whether the stamps that each write sets are there, and were not
// written over by somebody else: nothing else could tell, since what they should
// be is not known.
func (o *ownership) stamped(annotations map[string]string) bool {
	if annotations[api.AnnotationResourceVersion] == "" || annotations[api.AnnotationLastSyncTime] == "" {
		return false
	}
	since := o.since()
	for _, a := range o.theirs {
		if a.at < since {
			continue // who made the object before us keeps the stamps that we didn't change
		}
		for _, stamp := range stamps {
			if has([]author{a}, annotationsOf, stamp) && !has(o.ours, annotationsOf, stamp) {
				return false
			}
		}
	}
	return true
}

func has(authors []author, keysOf func(*metadataFields) map[string]json.RawMessage, key string) bool {
	for i := range authors {
		if _, ok := keysOf(&authors[i].metadata)["f:"+key]; ok {
			return true
		}
	}
	return false
}
