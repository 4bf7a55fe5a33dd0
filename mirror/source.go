package mirror

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/transform"
)

// Source is an object with the label enabled, read once when it arrives. It is
// never changed once others can see it.
type Source struct {
	Identity
	// Type is its resource, and Mirrors what its mirrors are.
	Type             schema.GroupResource
	APIVersion, Kind string
	Mirrors          MirrorType
	// Of is what its mirrors are made of, where that isn't itself; see Standing and
	// Granted. While it Awaits that, its mirrors stay as they are.
	Of     *SourceKey
	Awaits bool
	// OriginUnclear says that there is a word on what it is made of, and it can't be read.
	OriginUnclear bool
	// by is the source that hands itself out to a request.
	by         *Source
	Generation int64
	// Finalizers are ours alone where there are more than is kept.
	Finalizers     []string
	ManyFinalizers bool
	// Deleting says that it goes as soon as its finalizers are off.
	Deleting bool

	Mode Mode
	// Reason says why it is Refused, Missing or Stopped, to its author.
	Reason string
	// HalfAsked says that it is Off for want of a word: it has the label, and nothing says
	// whether that is meant.
	HalfAsked bool
	// Problems are what its author should know of while all could be read.
	Problems []string

	Targets    Targets
	MaxTargets int
	Recreate   bool
	// Retain says that its mirrors are to stay behind when it goes or stops. What can't be
	// read says so too: it takes nothing away (I10).
	Retain bool
	// AllowTo are the namespaces that get a mirror when they ask for one.
	AllowTo Targets

	controls *controls
	// content is what its content is, before target-kind.
	content schema.GroupVersionKind

	// SyncStatus and FailedTargets are what its author reads there now.
	SyncStatus, FailedTargets string

	// stamp is the API server's word on who last changed it, and grants the right that its
	// mirrors take beside their creation; both where authors are asked about.
	stamp  unique.Handle[string]
	grants *Right

	// reads is what its mirrors depend on of the metadata of their namespaces.
	reads transform.TargetMetadata

	// template is what its mirrors are made from; nil where that isn't kept.
	template *mirrorTemplate
	// fingerprint is that of all that its mirrors depend on; the status that we write
	// on it doesn't change it.
	fingerprint Hash
	// Size is about what it takes to keep its content, in bytes.
	Size int
	// Seen is when this version of it arrived.
	Seen time.Time
}

// Key is the source's name.
func (s *Source) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
}

// SourceKey is its name among all sources.
func (s *Source) SourceKey() SourceKey { return SourceKey{s.Type, s.Namespace, s.Name} }

// HasFinalizer reports whether our finalizer is on it.
func (s *Source) HasFinalizer() bool { return slices.Contains(s.Finalizers, api.Finalizer) }

// FailedIn reports whether the source says of itself that it failed in a namespace.
func (s *Source) FailedIn(namespace string) bool {
	return s.FailedTargets != "" && slices.Contains(strings.Split(s.FailedTargets, ","), namespace)
}

// SameSpec reports whether two versions of a source are the same, as far as mirrors go;
// nil stands for none.
func SameSpec(a, b *Source) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.fingerprint == b.fingerprint && a.Awaits == b.Awaits
}

// Reuse takes over what an earlier version of the same spec has rendered.
func (s *Source) Reuse(before *Source) { s.template = before.template }

// HasContent reports whether there is what mirrors are made from. Without it, a source is
// good for all but MirrorName, Desired and FieldValidation.
func (s *Source) HasContent() bool { return s.template != nil }

// WithoutContent is the source less what mirrors are made from.
func (s *Source) WithoutContent() *Source {
	bare := *s
	bare.template = nil
	return &bare
}

// WithContent is the source with what was read of another version of the same spec.
func (s *Source) WithContent(read *Source) *Source {
	whole := *s
	whole.Reuse(read)
	return &whole
}

// Limit is the most targets it may have.
func (s *Source) Limit(settings *Settings) int {
	if s.MaxTargets >= 0 && s.MaxTargets < settings.MaxTargets {
		return s.MaxTargets
	}
	return settings.MaxTargets
}

// MayAskFor reports whether a source names a namespace among its targets, whatever else it
// says, and whether or not that lets it in. Targets that can't be read may name any.
func (s *Source) MayAskFor(ns *Namespace) bool {
	return s.Targets.unclear || s.Targets.Match(ns)
}

// IngestSource reads objects of a type into *Sources; it passes on what it has already
// read. It never fails: what can't be read is part of the result.
func (s *Settings) IngestSource(resource schema.GroupVersionResource) func(obj any) (any, error) {
	return func(obj any) (any, error) {
		if u, ok := obj.(*unstructured.Unstructured); ok {
			return s.NewSource(resource.GroupResource(), u), nil
		}
		return obj, nil
	}
}

// NewSource reads a source; what can't be read is part of the result.
func (s *Settings) NewSource(resource schema.GroupResource, u *unstructured.Unstructured) *Source {
	annotations := u.GetAnnotations()
	src := &Source{
		Identity: Identity{
			Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(),
		},
		Type:          resource,
		APIVersion:    u.GetAPIVersion(),
		Kind:          u.GetKind(),
		Mirrors:       MirrorType{resource, u.GroupVersionKind()},
		content:       u.GroupVersionKind(),
		Generation:    u.GetGeneration(),
		Deleting:      u.GetDeletionTimestamp() != nil,
		MaxTargets:    -1,
		Retain:        annotations[api.AnnotationOnDelete] != "",
		SyncStatus:    bounded(annotations[api.AnnotationSyncStatus], 2*maxStatus),
		FailedTargets: bounded(annotations[api.AnnotationFailedTargets], maxFailed+1),
		Seen:          time.Now(),
	}
	src.fingerprint, src.Size = fingerprint(u, annotations)
	src.Mode, src.Reason = mode(u, annotations)
	unclearOrigin := src.readMirrorOf(annotations)
	_, said := annotations[api.AnnotationSync]
	src.HalfAsked = src.Mode == Off && !said && u.GetLabels()[api.LabelEnabled] == "true" && annotations[api.AnnotationExclude] != "true"
	src.readFinalizers(u.GetFinalizers())
	if s.Authors != nil {
		src.stamp, src.grants = stampOf(u.GetLabels(), annotations), grantsOf(u)
	}
	var unclear, unclearConsent error
	src.Targets, unclear = ParseTargets(annotations[api.AnnotationTargetNamespaces], annotations[api.AnnotationTargetSelector])
	if src.Requests() {
		src.Targets, unclear = ParseTargets(src.Namespace, "")
	}
	src.AllowTo, unclearConsent = parseAllowTo(annotations[api.AnnotationAllowTo])
	if src.Mode < Paused {
		return src
	}
	if unclear = cmp.Or(unclear, unclearOrigin, unclearConsent); unclear == nil {
		unclear = src.read(s, u, annotations)
	}
	if unclear != nil {
		src.Mode, src.Reason, src.controls = Stopped, unclear.Error(), nil
	}
	return src
}

// maxFinalizers bounds the finalizers of a source, in bytes: others' are kept, so that ours
// can be put beside them.
const maxFinalizers = 8 << 10

// readFinalizers takes in the finalizers of a source. One that has too many gets no new
// mirrors, for it couldn't be given ours.
func (s *Source) readFinalizers(all []string) {
	size := 0
	for _, f := range all {
		size += len(f)
	}
	if s.Finalizers = all; size <= maxFinalizers {
		return
	}
	s.ManyFinalizers, s.Finalizers = true, nil
	if slices.Contains(all, api.Finalizer) {
		s.Finalizers = []string{api.Finalizer}
	}
	if s.Mode > Stopped {
		s.Mode, s.Reason = Stopped, fmt.Sprintf("metadata.finalizers: they have %d bytes; the most is %d", size, maxFinalizers)
	}
}

// bounded is a text, or so much of its beginning.
func bounded(text string, most int) string { return strings.Clone(text[:min(len(text), most)]) }

// fingerprint also tells the size of what it stands for.
func fingerprint(u *unstructured.Unstructured, annotations map[string]string) (Hash, int) {
	return hashContent(map[string]any{
		"uid":         string(u.GetUID()),
		"deleting":    u.GetDeletionTimestamp() != nil,
		"kind":        u.GetAPIVersion() + " " + u.GetKind(),
		"labels":      anyMap(u.GetLabels()),
		"annotations": anyMap(withoutStatus(annotations)),
		"content":     Content(u.Object),
	})
}

// read reads what goes where, and what goes there.
func (s *Source) read(settings *Settings, u *unstructured.Unstructured, annotations map[string]string) error {
	var err error
	if u.GetLabels()[api.LabelMirror] != "" {
		s.Problems = append(s.Problems, "it is a source, and the label "+api.LabelMirror+" that it has counts for nothing; take it off")
	}
	if text, ok := annotations[api.AnnotationMaxTargets]; ok {
		if s.MaxTargets, err = strconv.Atoi(text); err != nil || s.MaxTargets < 0 {
			return fmt.Errorf("%s: %q is not a whole number from 0 up", api.AnnotationMaxTargets, text)
		}
	}
	if text := annotations[api.AnnotationOnDelete]; text != "" && text != retain {
		return fmt.Errorf("%s: %q is not %q", api.AnnotationOnDelete, text, retain)
	}
	controls, err := readControls(settings, annotations)
	if err != nil {
		return err
	}
	s.controls, s.reads = controls, controls.reads()
	if s.Of != nil {
		controls.mode, controls.fingerprint, s.Awaits = s.Mode, s.fingerprint, true
		return nil
	}
	return s.fill(settings, s.Mirrors, u)
}

// FieldValidation is how strictly the server is to read the mirrors. Rules may name a
// field that it doesn't know, which it would leave out without a word: then what they
// were to change isn't changed (I10).
func (s *Source) FieldValidation() string {
	if s.template.rules == nil && (s.template.of == nil || s.template.of.FieldValidation() == "") {
		return ""
	}
	return metav1.FieldValidationStrict
}

// MirrorName is the mirror's name in a namespace, or why there is none.
func (s *Source) MirrorName(namespace *Namespace) (string, *Problem) {
	switch {
	case s.template.name != nil:
	case s.template.of != nil:
		return s.template.of.MirrorName(namespace)
	case s.Of != nil:
		return s.Of.Name, nil
	default:
		return s.Name, nil
	}
	name, err := s.template.name.Render(s.context(namespace, ""))
	if err != nil {
		return "", &Problem{Reason: ReasonInvalid, Text: fmt.Sprintf("%s: %v", api.AnnotationTargetName, err), Failed: true}
	}
	return name, nil
}

func (s *Source) context(namespace *Namespace, name string) transform.Context {
	if s.template.of != nil {
		return contextOfRequest(s.template.of, namespace, name)
	}
	sourceName := s.Name
	if s.Of != nil {
		sourceName = s.Of.Name
	}
	return transform.Context{
		SourceNamespace: s.Namespace, SourceName: sourceName,
		TargetNamespace: namespace.Name, TargetName: name,
		TargetLabels: namespace.Labels, TargetAnnotations: namespace.Annotations,
		Labels: s.template.labels, Annotations: s.template.annotations,
	}
}
