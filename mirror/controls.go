package mirror

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/transform"
)

// controls is what a source's own annotations say of what its mirrors are made from.
type controls struct {
	name       *transform.Name // nil: the source's name
	rules      *transform.Rules
	strict     bool
	recreate   bool
	targetKind string
	// keep lets labels and annotations through that are stripped otherwise.
	keep        string
	mode        Mode
	fingerprint Hash
}

func readControls(settings *Settings, annotations map[string]string) (*controls, error) {
	c := &controls{
		strict: annotations[api.AnnotationTransformStrict] == "true", recreate: annotations[api.AnnotationRecreate] == "true",
		targetKind: annotations[api.AnnotationTargetKind], keep: annotations[api.AnnotationKeepMetadata],
	}
	if text, ok := annotations[api.AnnotationTargetName]; ok {
		name, err := transform.ParseName(text, settings.Transform)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", api.AnnotationTargetName, err)
		}
		c.name = &name
	}
	if text, ok := annotations[api.AnnotationTransform]; ok {
		rules, err := transform.Parse(text, settings.Transform)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", api.AnnotationTransform, err)
		}
		c.rules = &rules
	}
	return c, nil
}

// fill puts in what the mirrors are made from.
func (s *Source) fill(settings *Settings, content MirrorType, u *unstructured.Unstructured) (err error) {
	s.content = content.GroupVersionKind
	if s.Mirrors, err = content.turnedInto(s.controls.targetKind); err != nil {
		return err
	}
	if s.Mirrors.Resource != content.Resource && (s.controls.rules == nil || !s.controls.rules.Keeps(u.Object, "data")) {
		return fmt.Errorf("%s: it takes a rule that says which keys go out, as {path: data, keep: [ca.crt]} in %s; more people read a ConfigMap than a Secret", api.AnnotationTargetKind, api.AnnotationTransform)
	}
	s.Recreate = s.controls.recreate || immutableKinds[s.Mirrors.GroupKind()]
	if rules := s.controls.rules; rules != nil {
		if err := rules.Check(u.Object); err != nil {
			return fmt.Errorf("%s: %w", api.AnnotationTransform, err)
		}
	}
	if s.template, err = newMirrorTemplate(settings, s.controls, u); err != nil {
		return err
	}
	s.share()
	return nil
}

// reads is what of the metadata of their namespaces the mirrors' names and content depend
// on.
func (c *controls) reads() (reads transform.TargetMetadata) {
	if c.name != nil {
		reads = c.name.Reads()
	}
	if c.rules != nil {
		reads = reads.And(c.rules.Reads())
	}
	return reads
}
