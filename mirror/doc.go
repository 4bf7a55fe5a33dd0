// Package mirror decides: what a source asks for, which mirrors that makes, and what is
// to be done about each.
//
// Its functions are pure, but for the moment at which something was first seen. A Source is what an object's author asks for; Targets and a
// Namespace tell where its mirrors may be, a Selection where they are to be; Desired is
// what a mirror should look like, a Record what is known of the one that is there, and
// Plan the one request that makes the one of the other. A Draft is a mirror as it is
// sent, and StatusOf what the source's author reads.
//
// It sends nothing, remembers nothing and knows no queue: package controller does.
package mirror
