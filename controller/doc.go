// Package controller carries out what package mirror decides.
//
// Handlers take in what the informers see, into a cache of what is known, and put keys
// into two queues, one of sources and one of mirrors. The queues' workers, a sourceWorker
// and a mirrorWorker, take a snapshot under the cache's lock, decide, send one request, and
// record the answer under the lock. Beside that the cache remembers what only time tells:
// who fights over a mirror, whose name is taken, what has been reported.
//
// All of it is built again after a restart. Clients, informers, queues and metrics are
// handed in.
package controller
