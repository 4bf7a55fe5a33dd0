// Package cleanup takes KubeMirror off a cluster: its finalizer and its status
// off every object that has them, and its mirrors, if that is asked for. What it
// leaves holds up no deletion, of an object, a namespace or a
// CustomResourceDefinition.
//
// It looks at all objects of a type, not at the labelled ones alone: an object
// that lost the label while no controller ran has the finalizer still. It goes by
// metadata, and reads no content but that of what goes with our finalizer: an object
// that is being deleted and has no other is put in its place as it was read.
//
// It keeps nothing clean: a controller that still runs puts its finalizers back.
package cleanup
