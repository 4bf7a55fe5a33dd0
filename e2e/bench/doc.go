// Command bench measures kubemirror against the raw limit: a plain client that
// issues the same writes to the same control plane, as many at a time, in the form
// that the API server is fastest with, and does nothing else. What a machine can do
// cancels out, so that figures of different machines can be compared.
//
// Each scenario is a file and gets a control plane of its own. In it, raw and
// measured work take turns, which are long enough for the API server's own garbage
// collections to even out where it is throughput that counts, and one observer, a
// watch, says of both when they are done. Requests are counted by the API server, in
// its audit log, and what it sends is counted by a relay, where nothing is timed.
//
// Counts, bytes and memory are judged: one that misses its goal is a failure. Times
// depend on what else the machine does, and are only shown. Figures with "plain lists"
// are of an API server that doesn't stream lists.
//
// It takes these from the environment:
//
//	PEER=path   run another program, one that takes the same flags and
//	            annotations, through the same work
//	RUNS=n      so many runs; the figures are medians (default 3)
//	ONLY=a,b    only these scenarios
//	SCALE=1     with the scenarios of 100,000 mirrors, which take minutes
//	SHORT=1     one small run of what is judged most
//	JSON=path   where to write all values (default _artifacts/bench.json)
//	APISERVER_FLAGS=flags
//	            further flags of every API server
package main
