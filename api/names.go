// Package api holds the names by which KubeMirror marks objects: what stands in
// the cluster, and can't be changed without leaving traces of the old name behind.
//
// It holds names alone. What they mean is the rooms' that use them, and the
// contract's with users.
package api

// Domain is the prefix of every label, annotation and finalizer of KubeMirror.
const Domain = "kubemirror.raczylo.com"

// What is written on a source.
const (
	Finalizer               = Domain + "/finalizer"
	AnnotationSyncStatus    = Domain + "/sync-status"
	AnnotationFailedTargets = Domain + "/failed-targets"
)

// What is written on a mirror. The label's value is "true".
const (
	LabelMirror               = Domain + "/mirror"
	AnnotationMirrorID        = Domain + "/mirror-id"
	AnnotationSourceNamespace = Domain + "/source-namespace"
)

// FieldManager is the name under which the server records what is KubeMirror's.
const FieldManager = "kubemirror"
