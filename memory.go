package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// giveBack returns memory to the system when a burst of work is over: the runtime
// looks for garbage only as more is made, and at rest none is. It runs until the
// context is done.
func giveBack(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	var last, done uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		collections := automaticCollections()
		if collections == last && collections != done {
			debug.FreeOSMemory()
			done = collections
		}
		last = collections
	}
}

// automaticCollections is how often the runtime has looked for garbage of itself.
func automaticCollections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a runtime that doesn't count them
	}
	return sample[0].Value.Uint64()
}
