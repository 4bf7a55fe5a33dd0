// Package kubemirror builds the product's program and runs it, as a user would:
// with flags and a kubeconfig, seen from outside by its log, its probes, its
// metrics and its exit code.
//
// It knows nothing of tests; package kit puts it into one. It never imports the
// product.
package kubemirror
