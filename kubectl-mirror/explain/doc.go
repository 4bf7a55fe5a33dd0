// Package explain says why a mirror is there, or isn't, and what would change that.
//
// It goes the way that the controller goes, by the controller's own decisions (package
// mirror), and writes each step down as a Check. It is told what was read of the cluster,
// and asks a Reader for the little that is known only once the way has been gone thus far.
// It writes nothing.
package explain
