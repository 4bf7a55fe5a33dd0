package mirror

import (
	"bytes"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// ownership tells, by the server's own record in managedFields, which keys of an
// object's metadata we wrote last, and which somebody else did. It knows the keys
// of others that nobody else could tell from ours: a label that a user added to a
// mirror looks just like one that its source has dropped.
type ownership struct {
	// alone says that nobody but us has written the object.
	alone        bool
	ours, theirs []map[string]any // f:metadata of each entry
	// since is when we wrote last, and with theirs is when that entry was written,
	// both as the server writes times, which sort as they are.
	since   string
	written []string
	// status says that the status was written as a part of the object: its type has no
	// subresource for it, so that a PUT without one takes it away.
	status bool
}

func ownershipOf(entries []entry) ownership {
	o := ownership{alone: len(entries) > 0}
	for _, e := range entries {
		if _, has := e.fields["f:status"]; has && e.subresource == "" {
			o.status = true
		}
		metadata, _ := e.fields["f:metadata"].(map[string]any)
		if e.manager == api.FieldManager {
			o.ours = append(o.ours, metadata)
			o.since = max(o.since, e.time)
		} else {
			o.alone = false
			o.theirs = append(o.theirs, metadata)
			o.written = append(o.written, e.time)
		}
	}
	return o
}

// entry is what one of those who wrote an object wrote last.
type entry struct {
	manager, subresource, time string
	fields                     map[string]any
}

// entriesIn reads an object's managedFields from JSON.
func entriesIn(u *unstructured.Unstructured) []entry {
	list, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "managedFields")
	items, _ := list.([]any)
	entries := make([]entry, len(items))
	for i, item := range items {
		fields, _ := item.(map[string]any)
		e := &entries[i]
		e.manager, _ = fields["manager"].(string)
		e.subresource, _ = fields["subresource"].(string)
		e.time, _ = fields["time"].(string)
		e.fields, _ = fields["fieldsV1"].(map[string]any)
	}
	return entries
}

// entriesOf is the same of an object that came in protobuf. Where we are alone, all
// is ours, and what is needn't be read; but for a status, which a Secret has not.
func entriesOf(list []metav1.ManagedFieldsEntry) []entry {
	entries := make([]entry, len(list))
	for i, item := range list {
		e := &entries[i]
		e.manager, e.subresource = item.Manager, item.Subresource
		if item.Time != nil {
			e.time = item.Time.UTC().Format(time.RFC3339)
		}
		if raw := item.FieldsV1.GetRawBytes(); len(list) > 1 || item.Manager != api.FieldManager || bytes.Contains(raw, []byte(`"f:status"`)) {
			_ = json.Unmarshal(raw, &e.fields) // the server's own words
		}
	}
	return entries
}

// owns says whether a key of f:labels or f:annotations is ours.
func (o ownership) owns(field, key string) bool {
	return o.alone || has(o.ours, field, key)
}

// wroteLabel reports whether we were the last to write a label.
func (o ownership) wroteLabel(key string) bool {
	return o.alone || has(o.ours, "f:labels", key)
}

// stamped says whether the stamps that each write sets are there, and were not
// written over by somebody else: nothing else could tell, since what they should
// be is not known.
func (o ownership) stamped(annotations map[string]string) bool {
	if annotations[api.AnnotationResourceVersion] == "" || annotations[api.AnnotationLastSyncTime] == "" {
		return false
	}
	if o.alone {
		return true
	}
	for i, metadata := range o.theirs {
		if o.written[i] < o.since {
			continue // who made the object before us keeps the stamps that we didn't change
		}
		for _, stamp := range stamps {
			if has([]map[string]any{metadata}, "f:annotations", stamp) && !has(o.ours, "f:annotations", stamp) {
				return false
			}
		}
	}
	return true
}

func has(entries []map[string]any, field, key string) bool {
	for _, metadata := range entries {
		if keys, ok := metadata[field].(map[string]any); ok {
			if _, ok := keys["f:"+key]; ok {
				return true
			}
		}
	}
	return false
}
