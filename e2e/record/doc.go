// Package record tells from the API server's own audit log whether a controller has
// touched anything that isn't its own (invariant I1). It shares no code with the
// product, and reads the contract anew: what is a mirror, who may take over what.
//
// It looks at each write that the controller asked for, answered or refused, in the
// light of the very version of the object that the write names. So it needs a log
// with content (audit.PolicyWithContent), and it doesn't matter in which order the
// server handled what came at once.
package record
