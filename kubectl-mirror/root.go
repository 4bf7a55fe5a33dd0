package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/migrate"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// release is set by the linker in release builds.
var release string

// command is what all commands share.
type command struct {
	flags           *genericclioptions.ConfigFlags
	deployment      string
	controllerFlags string
	told            bool // the controller's flags, by the user
	// missing is what couldn't be read, as it was said.
	missing string
	streams genericiooptions.IOStreams
}

const about = `Says why a mirror is there or isn't, and what would become of a change. It decides as the
controller does, reads with your own rights, and writes nothing but what migrate --apply does.

Exit status: 0 all is as it should be, 1 something isn't, 2 it can't be told.`

func newRoot(streams genericiooptions.IOStreams) *cobra.Command {
	c := &command{flags: genericclioptions.NewConfigFlags(true), streams: streams}
	root := &cobra.Command{
		Use: "kubectl mirror", Short: "Explain KubeMirror", Long: about,
		SilenceErrors: true, SilenceUsage: true, Version: version(),
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mirror"},
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			c.told = cmd.Flags().Changed("controller-flags")
		},
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	c.flags.AddFlags(root.PersistentFlags())
	root.PersistentFlags().StringVar(&c.deployment, "controller", "", "the controller's Deployment, as NAMESPACE/NAME, where there is more than one or you may not list them")
	root.PersistentFlags().StringVar(&c.controllerFlags, "controller-flags", "", "the controller's flags, in place of those in its Deployment")
	root.AddCommand(newWhy(c), newStatus(c), newWait(c), newPlan(c), newTree(c), migrate.Command(c.flags, streams, c.deciding))
	return root
}

// open connects to the cluster.
func (c *command) open(ctx context.Context, mayBeUnknown bool) (*cluster.Cluster, error) {
	which := cluster.Which{Deployment: c.deployment, MayBeUnknown: mayBeUnknown}
	if c.told {
		which.Flags = &c.controllerFlags
	}
	defer c.busy("reading the controller's flags, and what the API server serves")()
	return cluster.Open(ctx, c.flags, which)
}

// deciding is what migrate goes by: the flags of the controller that is there, or told, or is
// to come.
func (c *command) deciding(ctx context.Context) (mirror.Settings, string, error) {
	which := cluster.Which{Deployment: c.deployment, MayBeMissing: true}
	if c.told {
		which.Flags = &c.controllerFlags
	}
	found, err := cluster.Open(ctx, c.flags, which)
	if err != nil {
		return mirror.Settings{}, "", err
	}
	return found.Controller.Settings, found.Controller.Origin, nil
}

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// usageError has a command's usage shown with what is wrong.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return fmt.Errorf(format+"; see %s --help", append(args, cmd.CommandPath())...)
}
