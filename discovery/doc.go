// Package discovery knows which resource types can be mirrored now.
//
// It asks the API server what it serves, keeps what the contract lets through
// ("Types that are never mirrored"), carries over what a partly failing server
// could not say, and calls back when the set has changed. A Watcher does so at
// start, after every change of a CustomResourceDefinition or an APIService,
// and at an interval as the safety net.
//
// The decisions are pure functions: filter (what may be mirrored), merge (what
// stays although the server does not say so) and schedule (when to look again).
// Around them stand a server that is asked and a trigger that is watched.
//
// It starts and stops nothing: who watches the types' objects is another
// room's concern.
package discovery
