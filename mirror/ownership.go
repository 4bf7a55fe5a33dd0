package mirror

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

func ownershipOf(u *unstructured.Unstructured) ownership {
	entries, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "managedFields")
	list, _ := entries.([]any)
	o := ownership{alone: len(list) > 0}
	for _, item := range list {
		entry, _ := item.(map[string]any)
		if _, has, _ := unstructured.NestedFieldNoCopy(entry, "fieldsV1", "f:status"); has && entry["subresource"] == nil {
			o.status = true
		}
		fields, _, _ := unstructured.NestedFieldNoCopy(entry, "fieldsV1", "f:metadata")
		metadata, _ := fields.(map[string]any)
		at, _ := entry["time"].(string)
		if entry["manager"] == FieldManager {
			o.ours = append(o.ours, metadata)
			o.since = max(o.since, at)
		} else {
			o.alone = false
			o.theirs = append(o.theirs, metadata)
			o.written = append(o.written, at)
		}
	}
	return o
}

// owns says whether a key of f:labels or f:annotations is ours.
func (o ownership) owns(field, key string) bool {
	return o.alone || has(o.ours, field, key)
}

// stamped says whether the stamps that each write sets are there, and were not
// written over by somebody else: nothing else could tell, since what they should
// be is not known.
func (o ownership) stamped(annotations map[string]string) bool {
	if annotations[annotationResourceVersion] == "" || annotations[annotationLastSyncTime] == "" {
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
