package mirror

import (
	"log/slog"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Domain is the prefix of every label, annotation and finalizer of ours.
const Domain = "kubemirror.raczylo.com"

// What users write on a source (contract, "On a source, written by users").
const (
	labelEnabled = Domain + "/enabled"

	annotationSync             = Domain + "/sync"
	annotationTargetNamespaces = Domain + "/target-namespaces"
	annotationTargetSelector   = Domain + "/target-selector"
	annotationTargetName       = Domain + "/target-name"
	annotationMaxTargets       = Domain + "/max-targets"
	annotationTransform        = Domain + "/transform"
	annotationTransformStrict  = Domain + "/transform-strict"
	annotationExclude          = Domain + "/exclude"
	annotationPaused           = Domain + "/paused"
	annotationRecreate         = Domain + "/recreate-on-immutable-change"
)

// What users write on a namespace.
const (
	labelAllowMirrors   = Domain + "/allow-mirrors"
	annotationAllowFrom = Domain + "/allow-from"
)

// What is written on a source for its user.
const (
	finalizer               = Domain + "/finalizer"
	annotationSyncStatus    = Domain + "/sync-status"
	annotationFailedTargets = Domain + "/failed-targets"
)

// What is written on a mirror.
const (
	labelMirror    = Domain + "/mirror"
	labelManagedBy = Domain + "/managed-by"

	// annotationMirrorID says which object this is: without it, a copy of a mirror, or
	// a child that has its labels, could not be told from one.
	annotationMirrorID = Domain + "/mirror-id"
	// annotationSourceKeys lists the labels and annotations that came from the source.
	annotationSourceKeys = Domain + "/source-keys"

	annotationSourceNamespace = Domain + "/source-namespace"
	annotationSourceName      = Domain + "/source-name"
	annotationSourceUID       = Domain + "/source-uid"
	annotationContentHash     = Domain + "/source-content-hash"

	// The stamps tell of the moment of the last write, so they can't be compared
	// with what they should be.
	annotationGeneration      = Domain + "/source-generation"
	annotationResourceVersion = Domain + "/source-resource-version"
	annotationLastSyncTime    = Domain + "/last-sync-time"
)

// stamps are the annotations of a mirror that only a write sets.
var stamps = []string{annotationGeneration, annotationResourceVersion, annotationLastSyncTime}

// onMirror has the keys of the labels and annotations that are ours on a mirror,
// whoever wrote them last.
var onMirror = map[string]bool{
	labelMirror: true, labelManagedBy: true, annotationMirrorID: true, annotationSourceKeys: true,
	annotationSourceNamespace: true, annotationSourceName: true, annotationSourceUID: true, annotationContentHash: true,
	annotationGeneration: true, annotationResourceVersion: true, annotationLastSyncTime: true,
}

const (
	managedBy = "kubemirror"
	// FieldManager is the name under which the server records what is ours.
	FieldManager = "kubemirror"
)

// SourceSelector and MirrorSelector are what the server filters the two watches
// of a type by. A source whose label has another value than "true" is selected too:
// its author is to be told, and keeps the mirrors if it is a slip (I10).
const (
	SourceSelector = labelEnabled
	MirrorSelector = labelMirror + "=true"
)

// SourceKey names a source. It has no version: a type that is served in another
// version is the same type.
type SourceKey struct {
	Type            schema.GroupResource
	Namespace, Name string
}

// String is the form for log lines: "secrets default/db".
func (k SourceKey) String() string { return k.Type.String() + " " + k.Namespace + "/" + k.Name }

// LogValue is that form in a JSON log too.
func (k SourceKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MirrorKey names what one source has in one target namespace: the mirror that is
// to be there, if any, and those that are not to be there any more.
type MirrorKey struct {
	Source    SourceKey
	Namespace string
}

// String is the form for log lines: "secrets default/db in app".
func (k MirrorKey) String() string { return k.Source.String() + " in " + k.Namespace }

// LogValue is that form in a JSON log too.
func (k MirrorKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
