// Command prepare builds the local control plane where it is not built yet, and
// shows how that goes: go test would keep the minutes that it takes silent.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if _, err := controlplane.Build(ctx, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		os.Exit(1) //nolint:gocritic // there is nothing left to stop
	}
}
