package mirror

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Namespace is what is kept of a namespace: what decides whether it is a target.
type Namespace struct {
	identity
	Labels labels.Set
	// AllowFrom has the namespaces whose sources may be mirrored here; nil is all.
	// allowFrom is the annotation that says so.
	AllowFrom   *Patterns
	allowFrom   string
	Terminating bool
}

// IngestNamespace reduces a namespace's metadata to a *Namespace; it passes on
// what it has already reduced. It never fails: items of allow-from that can't be
// read allow nothing.
func IngestNamespace(obj any) (any, error) {
	m, ok := obj.(*metav1.PartialObjectMetadata)
	if !ok {
		return obj, nil
	}
	ns := &Namespace{
		identity:    identity{Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion},
		Labels:      m.Labels,
		Terminating: m.DeletionTimestamp != nil,
	}
	if list, ok := m.Annotations[annotationAllowFrom]; ok {
		ns.AllowFrom, ns.allowFrom = &Patterns{}, list
		for _, item := range splitList(list) {
			_ = ns.AllowFrom.add(item, InNamespaceName)
		}
	}
	return ns, nil
}

// like says whether nothing has changed that mirroring depends on.
func (n *Namespace) like(before *Namespace) bool {
	return before != nil && n.UID == before.UID && n.Terminating == before.Terminating &&
		(n.AllowFrom == nil) == (before.AllowFrom == nil) && n.allowFrom == before.allowFrom &&
		maps.Equal(n.Labels, before.Labels)
}

// admits says whether the namespace lets mirrors of sources from there in, now.
func (n *Namespace) admits(sourceNamespace string) bool {
	return n.Name != sourceNamespace &&
		!n.Terminating &&
		n.Labels[labelAllowMirrors] != "false" &&
		(n.AllowFrom == nil || n.AllowFrom.Match(sourceNamespace))
}
