// Package mirror is the domain: what a source is, which namespaces it asks for,
// what its mirrors should look like, and how they come to look like that.
//
// Decisions are pure functions over what was observed: ParseTargets and Source
// (what the user asked for), desired (what a mirror should be), Record (what it
// is), plan (what to do about the difference). The Controller feeds them from the
// informers' events through two queues, one of sources and one of mirrors, and
// carries out what they say, one write at a time.
//
// It is the only package that knows what a mirror is. Clients, informers and
// metrics are handed in.
package mirror
