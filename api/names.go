// Package api holds the names by which KubeMirror marks objects: what stands in
// the cluster, and can't be changed without leaving traces of the old name behind.
//
// It holds names alone. What they mean is the rooms' that use them, and the
// contract's with users.
package api

// Domain is the prefix of every label, annotation and finalizer of ours.
const Domain = "kubemirror.raczylo.com"

// What users write on a source (contract, "On a source, written by users").
const (
	LabelEnabled = Domain + "/enabled"

	AnnotationSync             = Domain + "/sync"
	AnnotationTargetNamespaces = Domain + "/target-namespaces"
	AnnotationTargetSelector   = Domain + "/target-selector"
	AnnotationTargetName       = Domain + "/target-name"
	AnnotationTargetKind       = Domain + "/target-kind"
	AnnotationMirrorOf         = Domain + "/mirror-of"
	AnnotationAllowTo          = Domain + "/allow-to"
	AnnotationMaxTargets       = Domain + "/max-targets"
	AnnotationTransform        = Domain + "/transform"
	AnnotationTransformStrict  = Domain + "/transform-strict"
	AnnotationExclude          = Domain + "/exclude"
	AnnotationPaused           = Domain + "/paused"
	AnnotationRecreate         = Domain + "/recreate-on-immutable-change"
	AnnotationKeepMetadata     = Domain + "/keep-metadata"
	// AnnotationOnDelete stands on mirrors too, for when there is no source to ask.
	AnnotationOnDelete = Domain + "/on-delete"
)

// What users write on a namespace.
const (
	LabelAllowMirrors   = Domain + "/allow-mirrors"
	AnnotationAllowFrom = Domain + "/allow-from"
)

// What is written on a source for its user.
const (
	Finalizer               = Domain + "/finalizer"
	AnnotationSyncStatus    = Domain + "/sync-status"
	AnnotationFailedTargets = Domain + "/failed-targets"
)

// AnnotationAuthor is who last changed a source. The API server stamps it there, by a
// policy of the chart's, and lets nobody else write it.
const AnnotationAuthor = Domain + "/author"

// What is written on a mirror.
const (
	LabelMirror    = Domain + "/mirror"
	LabelManagedBy = Domain + "/managed-by"

	// AnnotationMirrorID says which object this is: without it, a copy of a mirror, or
	// a child that has its labels, could not be told from one.
	AnnotationMirrorID = Domain + "/mirror-id"
	// AnnotationSourceKeys lists the labels and annotations that came from the source.
	AnnotationSourceKeys = Domain + "/source-keys"

	AnnotationSourceNamespace = Domain + "/source-namespace"
	AnnotationSourceName      = Domain + "/source-name"
	AnnotationSourceUID       = Domain + "/source-uid"
	// AnnotationSourceOrigin is what the mirror of a stand-in or a request is made of, as
	// "secrets/platform/registry".
	AnnotationSourceOrigin = Domain + "/source-origin"
	// AnnotationSourceType is the resource of a source whose mirror is of another, as
	// "secrets" or "widgets.example.com".
	AnnotationSourceType  = Domain + "/source-type"
	AnnotationContentHash = Domain + "/source-content-hash"

	// The stamps tell of the moment of the last write, so they can't be compared
	// with what they should be.
	AnnotationGeneration      = Domain + "/source-generation"
	AnnotationResourceVersion = Domain + "/source-resource-version"
	AnnotationLastSyncTime    = Domain + "/last-sync-time"
)

// ManagedBy is the value of the label managed-by.
const ManagedBy = "kubemirror"

// FieldManager is the name under which the server records what is KubeMirror's.
const FieldManager = "kubemirror"
