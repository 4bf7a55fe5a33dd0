// Package process runs a program as a child whose output is kept in a file and
// who does not outlive us.
//
// It is for servers that a test starts, watches and stops: etcd, the API
// server, kubemirror. It knows nothing of any of them, and it is not a
// supervisor: a child that ends stays ended, and says so.
package process
