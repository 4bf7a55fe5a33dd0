package mirror

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unique"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/transform"
)

// mirrorTemplate is what of a source its mirrors are made from.
type mirrorTemplate struct {
	// of is the source that a request is granted; its rules come first.
	of *Source
	// labels and annotations are the source's, for the variables of templates.
	labels, annotations map[string]string
	// object is what the rules work on: content, and the labels and annotations that
	// mirrors get. It is nil where shared is not.
	object map[string]any
	name   *transform.Name // nil: the source's name
	rules  *transform.Rules
	strict bool
	// shared is what all mirrors look like; nil where a rule looks at the target.
	shared func() (*Desired, []Problem)
}

// Desired is what a mirror should look like, less the namespace, the name and the
// stamps. It is shared among mirrors and only to be read.
type Desired struct {
	Labels, Annotations map[string]string
	// content is made ready to be sent once for all mirrors that share it.
	content   encoder
	immutable bool
	// Content and Metadata are to be compared with a Record's.
	Content, Metadata Hash
	// written is Content once more: records of what was written share it, and keep
	// nothing else of this.
	written *Hash

	kind schema.GroupVersionKind
	// covered has the answers of Cover by the lists: one or two, for all mirrors alike.
	covered sync.Map
}

// Cover finds out whether a list of fields that we wrote has all of the content, for
// isCoveredBy to tell. All mirrors of a source have the same list, as a rule.
func (s *Desired) Cover(fields unique.Handle[string]) {
	if _, asked := s.covered.Load(fields); !asked {
		s.covered.Store(fields, covers(fields.Value(), s.content.fields(), s.kind))
	}
}

// isCoveredBy is the answer of Cover; false where that hasn't been asked.
func (s *Desired) isCoveredBy(fields unique.Handle[string]) bool {
	covered, _ := s.covered.Load(fields)
	return covered == true
}

func newMirrorTemplate(settings *Settings, controls *controls, u *unstructured.Unstructured) (*mirrorTemplate, error) {
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	t := &mirrorTemplate{
		labels:      labels,
		annotations: withoutOwn(annotations),
		object:      maps.Clone(Content(u.Object)),
		name:        controls.name,
		rules:       controls.rules,
		strict:      controls.strict,
	}
	t.object["apiVersion"], t.object["kind"] = u.GetAPIVersion(), u.GetKind()
	strip, err := settings.Strip.less(controls.keep, labels, annotations)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", api.AnnotationKeepMetadata, err)
	}
	t.object["metadata"] = map[string]any{
		"labels":      anyMap(carried(labels, strip)),
		"annotations": anyMap(carried(annotations, strip)),
	}
	return t, nil
}

// share has the shape made once for all mirrors, where they share one: by the
// first that asks, for a source is read in its informer, and there its templates
// would hold up every other source of the type (I7).
//
// Once it is made, nobody needs what it was made from: a source weighs its content
// once.
func (s *Source) share() {
	if s.template.rules == nil || !s.template.rules.DependsOnTarget() {
		object := s.template.object
		s.template.object = nil
		s.template.shared = sync.OnceValues(func() (*Desired, []Problem) { return s.render(object, &Namespace{}, "") })
	}
}

// Desired is what the mirror of a name in a namespace should look like. It is nil
// where that can't be told; the problems say why, or which rules were skipped.
func (s *Source) Desired(namespace *Namespace, name string) (*Desired, []Problem) {
	switch {
	case s.template.of != nil:
		return s.granted(namespace, name)
	case s.template.shared != nil:
		return s.template.shared()
	}
	return s.render(s.template.object, namespace, name)
}

// granted is what the mirror of a request should look like: as the source's that it asks
// for, after its own rules.
func (s *Source) granted(namespace *Namespace, name string) (*Desired, []Problem) {
	of, problems := s.template.of.Desired(namespace, name)
	if of == nil {
		// What is wrong with it is told to its own author.
		return nil, []Problem{transformFailed("the source that it asks for can't be made a mirror of; whoever keeps that can tell why", true)}
	}
	whole := Draft{Source: s.template.of, Desired: of}.Object()
	object := maps.Clone(whole.Object)
	object["metadata"] = map[string]any{"labels": anyMap(withoutDomain(whole.GetLabels())), "annotations": anyMap(withoutDomain(whole.GetAnnotations()))}
	if rules := s.template.rules; rules != nil {
		if err := rules.Check(object); err != nil {
			return nil, []Problem{transformFailed(err.Error(), true)}
		}
	}
	shape, own := s.render(object, namespace, name)
	if len(problems) > 0 {
		own = append(own, transformFailed("a rule of the source that it asks for is skipped", false))
	}
	return shape, own
}

// contextOfRequest is what a request's own templates read: of the source that it is granted no
// more than what goes out. Its labels and annotations as they are may hold what its rules take
// out.
func contextOfRequest(of *Source, namespace *Namespace, name string) transform.Context {
	c := of.context(namespace, name)
	c.Labels, c.Annotations = nil, nil
	if out, _ := of.Desired(namespace, name); out != nil {
		c.Labels, c.Annotations = withoutDomain(maps.Clone(out.Labels)), withoutDomain(maps.Clone(out.Annotations))
	}
	return c
}

// withoutDomain is labels or annotations less those that are ours.
func withoutDomain(keys map[string]string) map[string]string {
	maps.DeleteFunc(keys, func(key, _ string) bool { return strings.HasPrefix(key, api.Domain+"/") })
	return keys
}

func (s *Source) render(object map[string]any, namespace *Namespace, name string) (*Desired, []Problem) {
	var problems []Problem
	if s.template.rules != nil {
		changed, skipped, err := s.template.rules.Apply(object, s.context(namespace, name))
		if err != nil {
			return nil, []Problem{transformFailed(err.Error(), true)}
		}
		for _, p := range skipped {
			problems = append(problems, transformFailed(p.String(), s.template.strict || p.Withholds))
		}
		if changed == nil || len(problems) > 0 && s.template.strict {
			return nil, problems
		}
		if reason := refused(changed); reason != "" {
			return nil, append(problems, transformFailed(reason, true))
		}
		if reason := regranted(s.content, object, changed); reason != "" {
			return nil, append(problems, transformFailed(reason, true))
		}
		object = changed
	}
	object, err := s.Mirrors.convert(object)
	if err != nil {
		return nil, append(problems, transformFailed(err.Error(), true))
	}
	if reason := incomplete(object); reason != "" {
		return nil, append(problems, transformFailed(reason, true))
	}
	shape, err := s.newDesired(object)
	if err != nil {
		return nil, append(problems, transformFailed(err.Error(), true))
	}
	return shape, problems
}

func (s *Source) newDesired(object map[string]any) (*Desired, error) {
	metadata, _ := object["metadata"].(map[string]any)
	labels, err := stringMap(metadata["labels"])
	if err != nil {
		return nil, fmt.Errorf("metadata.labels: %w", err)
	}
	annotations, err := stringMap(metadata["annotations"])
	if err != nil {
		return nil, fmt.Errorf("metadata.annotations: %w", err)
	}
	fields := Content(object)
	encoder, err := newEncoder(s.Mirrors.GroupVersionKind, fields)
	if err != nil {
		return nil, errors.New("the rules make something of it that isn't JSON") // the error could hold content (I8)
	}
	shape := &Desired{
		Labels: labels, Annotations: annotations,
		content: encoder, immutable: IsImmutable(object), Content: HashContent(fields), kind: s.Mirrors.GroupVersionKind,
	}
	written := shape.Content
	shape.written = &written
	if keys := formatSourceKeys(labels, annotations); keys != "" {
		annotations[api.AnnotationSourceKeys] = keys
	}
	labels[api.LabelMirror], labels[api.LabelManagedBy] = "true", api.ManagedBy
	annotations[api.AnnotationSourceNamespace] = s.Namespace
	annotations[api.AnnotationSourceName] = s.Name
	annotations[api.AnnotationSourceUID] = string(s.UID)
	if s.Retain {
		annotations[api.AnnotationOnDelete] = retain
	}
	if s.Of != nil {
		annotations[api.AnnotationSourceOrigin] = s.Of.text()
	}
	if s.Mirrors.Resource != s.Type {
		annotations[api.AnnotationSourceType] = s.Type.String()
	}
	annotations[api.AnnotationContentHash] = shape.Content.String()
	shape.Metadata = hashMetadata(labels, annotations, nil)
	return shape, nil
}

// Intent stands for all that is to be written: what the source has nothing to do with
// is written for the same intent again.
func (s *Desired) Intent() Hash {
	return sha256.Sum256(slices.Concat(s.Content[:], s.Metadata[:]))
}

// withoutStatus takes away what we write on the source ourselves: a template that
// read it would have its mirrors change with each change of the status.
func withoutStatus(annotations map[string]string) map[string]string {
	c := maps.Clone(annotations)
	delete(c, api.AnnotationSyncStatus)
	delete(c, api.AnnotationFailedTargets)
	return c
}

// withoutOwn also takes away who changed the source, which is no mirror's business.
func withoutOwn(annotations map[string]string) map[string]string {
	c := withoutStatus(annotations)
	delete(c, api.AnnotationAuthor)
	return c
}

func anyMap(m map[string]string) map[string]any {
	a := make(map[string]any, len(m))
	for key, value := range m {
		a[key] = value
	}
	return a
}

// stringMap reads labels or annotations after a transformation, which may have
// made numbers of them, or nonsense.
func stringMap(v any) (map[string]string, error) {
	fields, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, errors.New("the rules make something else than a map of it")
	}
	m := make(map[string]string, len(fields)+6)
	for key, value := range fields {
		switch value.(type) {
		case map[string]any, []any, nil:
			return nil, fmt.Errorf("the rules make something else than a text of %q", key)
		}
		if !strings.HasPrefix(key, api.Domain+"/") {
			m[key] = fmt.Sprint(value)
		}
	}
	return m, nil
}
