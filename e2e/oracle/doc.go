// Package oracle says what mirrors there should be, and what is wrong with those that
// there are. It has the contract with users for its only source: it shares no code with
// the product, and is written to be read rather than to be fast. What the tests that use
// it never do, it doesn't know: templates, the flags' limits, rules on Secrets, and of rules
// more than value, merge and delete at plain paths.
//
// It looks at one moment of a cluster that is at rest. Where what is right depends on
// what was before, it is told: which objects are somebody's, how their authors left the
// sources, and how the mirrors were that nothing may happen to.
package oracle
