package main

import (
	"os"
	"runtime"
)

// useOneCore has one thread at a time run Go, unless $GOMAXPROCS has a say. Work waits
// for the API server, not for this process, and one core is good for more writes a
// second than a server takes. With more, threads spend a third of the CPU time on
// waking each other and on looking for work; and by default there would be one for
// each core of the node.
func useOneCore() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
