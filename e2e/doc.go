// Package e2e holds the end-to-end tests: kubemirror as it is built, on a real
// API server, seen from outside. It has no code but tests.
package e2e
