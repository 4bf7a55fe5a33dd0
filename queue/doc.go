// Package queue holds the work queue of the controllers: keys go in, workers
// take them out, a key that fails comes back later and later.
//
// It is client-go's workqueue (a key is in it once, and never worked on by two
// at a time) with three differences. Keys are served in turn by tenant, and a
// tenant's by group, so that a thousand keys delay another's single key by one key
// and not by a thousand; what somebody does to another's keys is charged to the one
// who does it. A tenant and a group may have a share of the workers and no more, so
// that the single key finds a worker at once, and a server that isn't full of the
// thousand. And it ends cleanly: Run returns once the keys that workers hold are done;
// keys still waiting are dropped, because a key carries no state and is derived again
// by whoever starts next.
//
// It knows nothing of Kubernetes objects.
package queue
