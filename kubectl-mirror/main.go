// Command kubectl-mirror answers why a mirror is there or isn't, and what would become of a
// change, with the decisions of the controller and the rights of who asks. kubectl finds it
// as "kubectl mirror".
//
// This package has the commands: what they take and what they print.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Exit statuses, as those of diff.
const (
	exitSame      = 0
	exitDifferent = 1
	exitTrouble   = 2
)

// errDifferent ends a command that has found something to be otherwise than it should be,
// and has said so.
var errDifferent = errors.New("something is not as it should be")

// errUnclear ends a command that couldn't find out, and has said so.
var errUnclear = errors.New("it can't be told")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	status := start(ctx, os.Args[1:], genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr})
	stop()
	os.Exit(status)
}

// start runs one command line, and returns the exit status. What goes wrong is told in one
// line.
func start(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	root := newRoot(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	coded := interface{ ExitCode() int }(nil)
	switch {
	case err == nil:
		return exitSame
	case errors.Is(err, errDifferent):
		return exitDifferent
	case errors.Is(err, errUnclear):
		return exitTrouble
	case errors.As(err, &coded):
		if text := err.Error(); text != "" {
			complain(streams, err)
		}
		return coded.ExitCode()
	}
	complain(streams, err)
	return exitTrouble
}

func complain(streams genericiooptions.IOStreams, err error) {
	_, _ = fmt.Fprintln(streams.ErrOut, "error:", strings.Join(strings.Fields(err.Error()), " "))
}
