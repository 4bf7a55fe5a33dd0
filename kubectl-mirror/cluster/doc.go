// Package cluster reads what there is to be explained, with the rights of the user whose
// kubeconfig it is given, and says in one line what it couldn't read and what to do.
//
// It reads a source whole and of everything else the metadata alone, and writes nothing.
package cluster
