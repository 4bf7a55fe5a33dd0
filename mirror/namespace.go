package mirror

import (
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// Namespace is what is kept of a namespace: what decides whether it is a target.
type Namespace struct {
	Identity
	Labels labels.Set
	// Annotations are those that templates can read; see readableAnnotations.
	Annotations map[string]string
	// AllowFrom has the namespaces whose sources may be mirrored here; nil is all.
	// allowFrom is the annotation that says so.
	AllowFrom   *pattern.List
	allowFrom   string
	Terminating bool
	// Unreadable says what of our keys on the namespace can't be read; empty where all
	// can.
	Unreadable string
}

// IngestNamespace reduces a namespace's metadata to a *Namespace; it passes on
// what it has already reduced. It never fails: what can't be read is part of the
// result.
func IngestNamespace(obj any) (any, error) {
	m, ok := obj.(*metav1.PartialObjectMetadata)
	if !ok {
		return obj, nil
	}
	ns := &Namespace{
		Identity:    Identity{Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion},
		Labels:      m.Labels,
		Annotations: readableAnnotations(m.Annotations),
		Terminating: m.DeletionTimestamp != nil,
	}
	if list, ok := m.Annotations[api.AnnotationAllowFrom]; ok {
		ns.allowFrom = list
		patterns, err := parseAllowFrom(list)
		if err != nil {
			ns.Unreadable = err.Error()
		}
		ns.AllowFrom = &patterns
	}
	if err := onNamespace.check(m.Labels, m.Annotations); err != nil {
		ns.Unreadable = err.Error()
	}
	if value, ok := m.Labels[api.LabelAllowMirrors]; ok && value != "true" && value != "false" {
		ns.Unreadable = fmt.Sprintf(`%s: %q is neither "true" nor "false"`, api.LabelAllowMirrors, value)
	}
	return ns, nil
}

// maxAllowFrom bounds the annotation allow-from, in bytes, as the policy on
// namespaces does.
const maxAllowFrom = 8 << 10

// parseAllowFrom reads names and globs. The words of target-namespaces have no
// meaning here, and are no names that anybody means.
func parseAllowFrom(list string) (p pattern.List, err error) {
	if len(list) > maxAllowFrom {
		return pattern.List{}, fmt.Errorf("%s: it has %d bytes; the most is %d", api.AnnotationAllowFrom, len(list), maxAllowFrom)
	}
	if n := strings.Count(list, ",") + 1; n > maxTargetItems {
		return pattern.List{}, fmt.Errorf("%s: it has %d items; the most is %d", api.AnnotationAllowFrom, n, maxTargetItems)
	}
	for _, item := range pattern.Split(list) {
		switch {
		case item == all, item == allLabeled:
			return pattern.List{}, fmt.Errorf("%s: %q can't be read as a name or glob; write * for every namespace", api.AnnotationAllowFrom, item)
		case strings.HasPrefix(item, "!"):
			return pattern.List{}, fmt.Errorf("%s: %q can't be read as a name or glob; write those that are let in", api.AnnotationAllowFrom, item)
		}
		if err := p.Add(item, pattern.InNamespaceName); err != nil {
			return pattern.List{}, fmt.Errorf("%s: %w", api.AnnotationAllowFrom, err)
		}
	}
	return p, nil
}

// AllowFromText is the annotation allow-from as it is written.
func (n *Namespace) AllowFromText() string { return n.allowFrom }

// SameSpec reports whether nothing has changed that mirroring depends on.
func (n *Namespace) SameSpec(before *Namespace) bool {
	return before != nil && n.UID == before.UID && n.Terminating == before.Terminating && n.Unreadable == before.Unreadable &&
		(n.AllowFrom == nil) == (before.AllowFrom == nil) && n.allowFrom == before.allowFrom &&
		maps.Equal(n.Labels, before.Labels)
}

// Consent is what a namespace says to mirrors of a source.
type Consent int

const (
	// ConsentRefused lets none be there.
	ConsentRefused Consent = iota
	// ConsentUnclear can't be read. None comes in, and none that is there is touched
	// (I10).
	ConsentUnclear
	// ConsentGiven lets mirrors in.
	ConsentGiven
)

// Consent is what the namespace says to mirrors of sources from another one.
func (n *Namespace) Consent(sourceNamespace string) Consent {
	switch {
	case n.Name == sourceNamespace, n.Labels[api.LabelAllowMirrors] == "false":
		return ConsentRefused
	case n.Unreadable != "":
		return ConsentUnclear
	case n.AllowFrom == nil || n.AllowFrom.Match(sourceNamespace):
		return ConsentGiven
	}
	return ConsentRefused
}

// Refuses reports whether the namespace itself refuses what comes from there. That a source's
// own namespace is no target is none of its doing.
func (n *Namespace) Refuses(from string) bool {
	return n.Labels[api.LabelAllowMirrors] == "false" || n.Name != from && n.Consent(from) == ConsentRefused
}

// Admits reports whether the namespace lets mirrors of sources from there in, now.
func (n *Namespace) Admits(sourceNamespace string) bool {
	return !n.Terminating && n.Consent(sourceNamespace) == ConsentGiven
}
