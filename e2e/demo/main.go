// Command demo shows KubeMirror at work, on a real API server: what its examples
// make of a cluster, and how soon things are right again when they change.
//
// It is a play in three acts. The stage (stage.go) is a control plane and two
// replicas of kubemirror. The first act (acts.go) applies manifests/examples and
// watches the mirrors arrive; the second (steps.go) changes one thing after the
// other; the third (answers.go) asks kubectl mirror why something isn't there, and what a
// change would do. A board (board.go) hears from watches what the server has; what is right
// is worked out from it, and from nothing that kubemirror says (state.go). Each
// time is that from the return of the call that changed something to the event
// that shows the last mirror right.
//
// It ends by itself and leaves nothing behind. DEMO_STAY=1 has it stay until
// Ctrl-C, for a look around with kubectl.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run returns the exit status: 0 when everything came right, 130 when it was cut
// off, 1 otherwise.
func run() int {
	// SIGHUP is the terminal's end and SIGPIPE that of whoever reads us: each is
	// a reason to clear up and go.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	err := play(ctx, newScreen(os.Stdout), os.Getenv("DEMO_STAY") != "")
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted")
		return 130
	}
	fmt.Fprintln(os.Stderr, "demo:", err)
	return 1
}

// play is the whole of it.
func play(ctx context.Context, screen *screen, stay bool) (err error) {
	stage, err := newStage()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.clear()) }()
	if err := stage.set(ctx, screen); err != nil {
		return err
	}
	show, err := newShow(ctx, stage, screen)
	if err != nil {
		return err
	}
	defer show.board.close()
	for _, act := range []func(context.Context) error{show.examples, show.transformation, show.changes, show.answers} {
		if err := act(ctx); err != nil {
			return fmt.Errorf("%w\n%s", err, stage.logs())
		}
	}
	if !stay {
		return nil
	}
	kubeconfig, err := stage.plane.Kubeconfig("demo", admins)
	if err != nil {
		return err
	}
	screen.keep("", "It stays up until Ctrl-C. For a look around:", "",
		"export KUBECONFIG="+kubeconfig,
		"kubectl get secrets,configmaps -A -l "+domain+"mirror=true")
	<-ctx.Done()
	return nil
}
