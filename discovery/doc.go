// Package discovery knows which resource types can be mirrored now.
//
// It asks the API server what it serves, keeps what the contract lets through
// ("Types that are never mirrored"), carries over what a partly failing server
// could not say, and calls back when the set has changed. A Watcher does so at
// start, after changes of CustomResourceDefinitions and APIServices, and at an
// interval as the safety net. A kind is taken once the API server takes its objects
// without delay, which is two seconds after its definition was established.
//
// The decisions are pure functions: filter (what may be mirrored) and merge (what
// stays although the server does not say so). Around them stand client-go's
// discovery client and two informers, which only say that it is time to refresh.
//
// It starts and stops nothing: who watches the types' objects is another
// room's concern.
package discovery
