// Package informers keeps watched objects in memory and tells of each change.
//
// An Informer is client-go's Reflector over a store of our own. client-go's
// shared informer would add a queue of deltas, an indexer and several goroutines
// to each watch, for handlers that here only put a key into a queue; with two
// watches for each of some two hundred types, that is what the process would
// weigh. A Set runs an informer pair a type (its sources; its mirrors, once there
// is a use for them) and stops it when the type goes: really stops it, with
// goroutines, connections and memory.
//
// It knows nothing of what the objects mean: selectors, transformations and
// handlers come from outside.
package informers
