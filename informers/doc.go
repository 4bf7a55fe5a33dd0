// Package informers keeps watched objects in memory and tells of each change.
//
// An Informer is one of client-go's shared informers, with what client-go keeps to
// itself: whether its watch fails, and how long nothing was heard of it. A Set runs
// a pair of them a type (its sources; its mirrors, once there is a use for them) and
// stops it when the type goes: really stops it, with goroutines, connections and
// memory.
//
// It knows nothing of what the objects mean: selectors, transformations and
// handlers come from outside.
package informers
