// Package migrate takes over what another system copies: its sources become KubeMirror's,
// and its copies become mirrors where they are, without a rewrite of what they hold and
// without a moment in which they are gone.
//
// What is to be done is decided from what was read of the cluster, by the code that the
// controller decides with (plan.go, takeover.go, and a file for each system). It is
// carried out elsewhere (apply.go, undo.go), in an order in which any step may be the last:
//
//  1. The source asks to be mirrored. Its copies are in the way, which harms nobody.
//  2. Each copy is marked as its mirror.
//  3. The old system's keys are taken off the source. Until then, a second run finds it.
//
// A copy that was marked first would be a mirror that no source wants, and a controller
// that happens to run would delete it.
package migrate
