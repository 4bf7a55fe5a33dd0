package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
)

// vocabulary is the keys of ours that have a meaning on a kind of object. Any
// other key of ours there is a mistake of its author, and what it was to forbid or
// take out is not guessed at (I10).
type vocabulary struct {
	labels, annotations map[string]bool
	// elsewhere has keys that mean something on other objects only, with where.
	elsewhere map[string]string
}

var (
	onNamespace = vocabulary{
		labels:      set(api.LabelAllowMirrors),
		annotations: set(api.AnnotationAllowFrom),
	}
	onSource = vocabulary{
		// A source that was made of one of its mirrors still has a mirror's keys, which
		// count for nothing on it.
		labels: set(api.LabelEnabled, api.LabelMirror, api.LabelManagedBy),
		annotations: set(api.AnnotationSync, api.AnnotationTargetNamespaces, api.AnnotationTargetSelector, api.AnnotationTargetName, api.AnnotationTargetKind, api.AnnotationMirrorOf, api.AnnotationAllowTo, api.AnnotationMaxTargets,
			api.AnnotationTransform, api.AnnotationTransformStrict, api.AnnotationExclude, api.AnnotationPaused, api.AnnotationRecreate, api.AnnotationKeepMetadata, api.AnnotationOnDelete,
			api.AnnotationSyncStatus, api.AnnotationFailedTargets, api.AnnotationAuthor,
			api.AnnotationMirrorID, api.AnnotationSourceKeys, api.AnnotationSourceNamespace, api.AnnotationSourceName, api.AnnotationSourceUID, api.AnnotationSourceType, api.AnnotationSourceOrigin,
			api.AnnotationContentHash, api.AnnotationGeneration, api.AnnotationResourceVersion, api.AnnotationLastSyncTime),
		elsewhere: map[string]string{api.LabelAllowMirrors: "a namespace", api.AnnotationAllowFrom: "a namespace"},
	}
)

func set(keys ...string) map[string]bool {
	s := map[string]bool{}
	for _, key := range keys {
		s[key] = true
	}
	return s
}

// check returns an error that names the first key, by name, that is ours, or meant
// to be, and has no meaning where it stands.
func (v vocabulary) check(labels, annotations map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !v.labels[key] && isOurs(key) {
			return v.misplaced(key, "label", "an annotation", v.annotations)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !v.annotations[key] && isOurs(key) {
			return v.misplaced(key, "annotation", "a label", v.labels)
		}
	}
	return nil
}

func (v vocabulary) misplaced(key, is, other string, there map[string]bool) error {
	switch {
	case there[key]:
		return fmt.Errorf("%s is %s, not %s %s", key, other, article(is), is)
	case v.elsewhere[key] != "":
		return fmt.Errorf("%s belongs on %s", key, v.elsewhere[key])
	}
	if likely := v.nearest(key); likely != "" {
		return fmt.Errorf("unknown %s %s; did you mean %s?", is, key, likely)
	}
	return fmt.Errorf("unknown %s %s", is, key)
}

func article(noun string) string {
	if strings.HasPrefix(noun, "a") {
		return "an"
	}
	return "a"
}

// nearest is the known key that is likest to one, if any is like it.
func (v vocabulary) nearest(key string) string {
	best, least := "", maxEdits+1
	for _, known := range slices.Concat(slices.Sorted(maps.Keys(v.annotations)), slices.Sorted(maps.Keys(v.labels))) {
		if onMirror[known] && known != api.AnnotationOnDelete {
			continue // nobody writes these by hand
		}
		if n := edits(key, known, least); n < least {
			best, least = known, n
		}
	}
	return best
}

// maxEdits is how many characters apart a slip may be from the key that was meant.
const maxEdits = 2

// isOurs reports whether a key has our prefix, or what is likely our prefix
// misspelt.
func isOurs(key string) bool {
	if strings.HasPrefix(key, api.Domain) {
		return true
	}
	// Two edits leave one of three parts of the prefix as it is. Others' keys have
	// none of them, and cost no more than this.
	prefix := api.Domain + "/"
	third := len(prefix) / 3
	if !strings.Contains(key, prefix[:third]) && !strings.Contains(key, prefix[third:2*third]) && !strings.Contains(key, prefix[2*third:]) {
		return false
	}
	for length := len(prefix) - maxEdits; length <= min(len(prefix)+maxEdits, len(key)); length++ {
		if edits(key[:length], prefix, maxEdits+1) <= maxEdits {
			return true
		}
	}
	return false
}

// edits counts the characters that are missing, too many, wrong, or in the wrong
// order, between two texts; or says most where there are at least as many.
func edits(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least >= most {
			return most
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most)
}
