package mirror

import (
	"maps"
	"slices"
	"strings"
)

// sourceKeys tells which labels and annotations of a mirror came from its source.
// The mirror lists them itself: the server's record of who wrote what doesn't
// survive a restore, and without one a label that the source drops would stay for
// somebody else's.
type sourceKeys struct {
	label, annotation func(key string) bool
}

// formatSourceKeys is the form of the annotation source-keys: the labels, a
// semicolon, the annotations, each list by name with commas. No key has either
// character. It is empty where there are none.
func formatSourceKeys(labels, annotations map[string]string) string {
	if len(labels) == 0 && len(annotations) == 0 {
		return ""
	}
	return keyList(labels) + ";" + keyList(annotations)
}

func keyList(m map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ",")
}

func parseSourceKeys(text string) sourceKeys {
	labels, annotations, _ := strings.Cut(text, ";")
	return sourceKeys{inList(labels), inList(annotations)}
}

// inList reports whether a key is in a comma list, without taking the list apart:
// lists are short, and each event of a mirror reads one.
func inList(list string) func(key string) bool {
	return func(key string) bool {
		for item := range strings.SplitSeq(list, ",") {
			if item == key {
				return true
			}
		}
		return false
	}
}
