package mirror

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Mode is what a source's author asks for, as a whole.
type Mode int

// A source is in one mode at a time; where several would do, the first counts.
const (
	// Off: no source. Existing mirrors go, nothing is said.
	Off Mode = iota
	// Refused: it may not be a source. Existing mirrors go, and its author is told.
	Refused
	// Missing: what its mirrors are to be made of isn't there, or isn't for it. Existing
	// mirrors go, and its author is told.
	Missing
	// Stopped: what it asks for can't be read. Mirrors stay as they are until it is
	// mended, and its author is told.
	Stopped
	// Paused: mirrors stay as they are until its author says otherwise.
	Paused
	// On: mirrors are to be as the source says.
	On
)

// switches are the annotations that are on or off.
var switches = []string{api.AnnotationSync, api.AnnotationExclude, api.AnnotationPaused, api.AnnotationTransformStrict, api.AnnotationRecreate}

// boundedBySize are the annotations whose length the policy on sources bounds too, in its
// order. Rules have a bound of their own.
var boundedBySize = []string{api.AnnotationSync, api.AnnotationExclude, api.AnnotationPaused, api.AnnotationTransformStrict, api.AnnotationRecreate,
	api.AnnotationTargetNamespaces, api.AnnotationTargetSelector, api.AnnotationMaxTargets, api.AnnotationTargetName, api.AnnotationTargetKind, api.AnnotationMirrorOf, api.AnnotationAllowTo, api.AnnotationKeepMetadata, api.AnnotationOnDelete}

// mode reads the switches. What clearly turns a source off counts, whatever else is
// wrong with it; what is not clear stops it as it is (I10).
func mode(u *unstructured.Unstructured, annotations map[string]string) (Mode, string) {
	labels := u.GetLabels()
	enabled, malformed := parseSwitch(api.LabelEnabled, labels[api.LabelEnabled])
	off := !enabled && malformed == nil
	on := map[string]bool{}
	for _, key := range switches {
		value, err := parseSwitch(key, annotations[key])
		if malformed == nil {
			malformed = err
		}
		on[key] = value
	}
	sync, asked := annotations[api.AnnotationSync]
	switch {
	case off, on[api.AnnotationExclude], asked && (sync == "false" || sync == ""):
		return Off, ""
	}
	if err := onSource.check(labels, annotations); err != nil {
		return Stopped, err.Error()
	}
	for _, key := range boundedBySize {
		if n := len(annotations[key]); n > maxTargetsSize {
			return Stopped, fmt.Sprintf("%s: it has %d bytes; the most is %d", key, n, maxTargetsSize)
		}
	}
	switch {
	case malformed != nil:
		return Stopped, malformed.Error()
	case !asked:
		return Off, ""
	case refused(u.Object) != "":
		return Refused, refused(u.Object)
	case on[api.AnnotationPaused]:
		return Paused, ""
	}
	return On, ""
}

// parseSwitch reads an annotation or label that is on or off, and off where it isn't
// there.
func parseSwitch(key, value string) (bool, error) {
	switch value {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, fmt.Errorf(`%s: %q is neither "true" nor "false"`, key, value)
}
