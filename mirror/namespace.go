package mirror

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Namespace is what is kept of a namespace: what decides whether it is a target.
type Namespace struct {
	identity
	Labels labels.Set
	// AllowFrom has the namespaces whose sources may be mirrored here; nil is all.
	AllowFrom   *Patterns
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
		ns.AllowFrom = &Patterns{}
		for _, item := range splitList(list) {
			_ = ns.AllowFrom.add(item, InNamespaceName)
		}
	}
	return ns, nil
}

// admits says whether the namespace lets mirrors of sources from there in, now.
func (n *Namespace) admits(sourceNamespace string) bool {
	return n.Name != sourceNamespace &&
		!n.Terminating &&
		n.Labels[labelAllowMirrors] != "false" &&
		(n.AllowFrom == nil || n.AllowFrom.Match(sourceNamespace))
}
