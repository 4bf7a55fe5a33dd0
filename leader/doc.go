// Package leader runs work while this process holds a Lease, and lets go of the
// Lease only once the work has ended.
//
// The election is client-go's tools/leaderelection. Around it stand the four
// things that it leaves to its user:
//
//   - The elector has a context of its own. Asked to stop, Run tells the work,
//     the elector goes on renewing while the work drains, and then the Lease is
//     released, so that a standby takes over soon and never while a write of ours
//     is under way.
//   - A Lease that is lost ends the work, and Run says why: the process has to go.
//   - A stranger in the Lease that we hold ends the election at once. The elector
//     would stand for it again until its deadline, while both are at work.
//   - The work's writes end with the Lease by the clock (Term), whether or not the
//     elector has noticed.
//
// The release is written here too. The elector's ReleaseOnCancel also releases a
// Lease that was lost, before it tells the work: for as long as the server hangs
// the work would go on, beyond the end of the Lease.
package leader
