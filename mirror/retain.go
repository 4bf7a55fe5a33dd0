package mirror

import "github.com/lukaszraczylo/kubemirror/api"

// retain is the one word of on-delete.
const retain = "retain"

// StaysBehind reports whether a mirror that is to be there no more stays as an object of
// nobody's, instead of being deleted. That is where its source goes or is one no more; not
// where the source is there and wants it no more, nor where it may not be a source, nor
// where the namespace refuses mirrors, whatever the source says. A source that is to be
// seen is asked; where it isn't (nil), the mirror has its last word.
func (r *Record) StaysBehind(s *Source, refused bool) bool {
	switch {
	case refused:
		return false
	case s == nil:
		return r.Retain
	case s.Mode == Refused:
		return false
	}
	// What a stand-in stands for is as good as the source; a request keeps nothing that isn't
	// handed out to it any more.
	return s.Retain && (s.Deleting || s.Mode == Off || s.Mode == Missing && s.StandsFor())
}

// ours are the labels and annotations that an object loses when it is to be a mirror no
// more; what the source gave it and what others added stays.
func ours() (labels, annotations []string) {
	for key := range onMirror {
		if key == api.LabelMirror || key == api.LabelManagedBy {
			labels = append(labels, key)
		} else {
			annotations = append(annotations, key)
		}
	}
	return labels, annotations
}

// LeaveBehind is the metadata of a merge patch that makes an object a mirror no more, if
// it is in this form still.
func LeaveBehind(o Identity) map[string]any {
	taken := func(keys []string) map[string]any {
		all := map[string]any{}
		for _, key := range keys {
			all[key] = nil
		}
		return all
	}
	labels, annotations := ours()
	return map[string]any{"uid": o.UID, "resourceVersion": o.ResourceVersion, "labels": taken(labels), "annotations": taken(annotations)}
}
