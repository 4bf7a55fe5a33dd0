// Command kubectl-mirror answers questions about mirrors, and takes over those of other
// systems. kubectl finds it as "kubectl mirror".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/migrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	status := run(ctx)
	stop()
	os.Exit(status)
}

func run(ctx context.Context) int {
	flags := genericclioptions.NewConfigFlags(true)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	root := &cobra.Command{Use: "kubectl-mirror", SilenceUsage: true, SilenceErrors: true,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mirror"}}
	flags.AddFlags(root.PersistentFlags())
	root.AddCommand(migrate.Command(flags, streams, migrate.Defaults))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if text := strings.Join(strings.Fields(err.Error()), " "); text != "" {
		_, _ = fmt.Fprintln(streams.ErrOut, "error:", text)
	}
	var status interface{ ExitCode() int }
	if errors.As(err, &status) {
		return status.ExitCode()
	}
	return 2
}
