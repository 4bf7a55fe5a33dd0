// Package option has the flags that say what is mirrored, and the kinds of values that flags take.
//
// They are apart from the command because more than one program reads them: the
// controller its own, and who explains the controller those in its Deployment. The
// package decides nothing, and opens nothing.
package option
