// Package leader runs work while this process holds a Lease, and lets go of the
// Lease only once the work has ended.
//
// An Elector waits for the Lease, runs the work, and renews the Lease until the
// work has returned. Asked to stop, it tells the work, goes on renewing while
// the work drains, and then releases the Lease, so that a standby takes over at
// once and never while a write of ours is under way. If the Lease is lost, the
// work is told and the Elector returns ErrLost: the process has to go.
//
// It is the election of client-go's tools/leaderelection: same rules, defaults
// and Lease contents, so that processes with either can stand for the same
// Lease. It is written anew for two reasons. That one returns without waiting
// for the work, and its import of client-go/kubernetes links the types of every
// built-in API group (17 MB of binary, 10 MB resident before the first object).
package leader
