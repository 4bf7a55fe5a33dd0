// Package transform reads the transformation rules of a source and applies
// them to a copy of its content: set a value, render a template, merge a map,
// delete a key, keep some keys of a map, take a value from another place, each
// where the target's namespace fits the rule's pattern.
//
// It is pure: text and maps go in, maps and problems come out. It doesn't know
// what a mirror or a target is, it doesn't decide whether a rule that failed
// keeps a mirror back (strict mode is the caller's), it logs nothing, and it
// starts no goroutine.
//
// Rules are written by tenants, so they are held to bounds that nothing in them
// can lift. Templates have the syntax of text/template, and its parser reads
// them, but an evaluator of our own runs them (see evaluate.go). It knows text,
// whole numbers, truth values, lists of text and maps of text, and nothing else:
// there are no methods to call, nothing that waits, and every step and every
// byte goes through one allowance (see allowance.go).
//
// text/template itself could be metered by a function at the head of each list
// of nodes. It was tried, and is no bargain: an evaluation takes several times
// the processor's time; an error within many ranges panics again in each, which
// takes time by the square of their number that no meter sees; and since it
// looks methods up by name, the linker would keep those of every type.
//
// No error and no Problem holds content: neither of the object, nor of a rule's
// value, template or pattern. They name the rule by number and path, and places
// by line or byte.
package transform
