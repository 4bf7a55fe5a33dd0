package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// exit is an exit status with its reason, which is empty where the status says all.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// ExitCode is the exit status: 1 where there is something to be done, 2 where that can't be told.
func (e exit) ExitCode() int { return e.code }

// Deciding says by which settings of KubeMirror a plan is made, and where they are from.
type Deciding func(context.Context) (settings mirror.Settings, origin string, err error)

type flags struct {
	config             *genericclioptions.ConfigFlags
	streams            genericiooptions.IOStreams
	deciding           Deciding
	from, undo         string
	apply, stopped     bool
	dir, forNamespaces string
}

const example = `  # What would be done, with the commands that do it; nothing is written
  kubectl mirror migrate --from replicator

  # Do it, once the old controller is stopped
  kubectl mirror migrate --from replicator --apply

  # Take it back
  kubectl mirror migrate --undo kubemirror-undo-20261128T120000Z.yaml`

// Command is "kubectl mirror migrate".
func Command(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams, deciding Deciding) *cobra.Command {
	f := &flags{config: config, streams: streams, deciding: deciding}
	c := &cobra.Command{
		Use:   "migrate --from " + strings.Join(Names(), "|"),
		Short: "Take over what another system copies, in place",
		Long: `Take over what another system copies: its sources become KubeMirror's, and its copies become
mirrors where they are, without a rewrite of what they hold and without a moment in which they
are gone. Without --apply, it only says what it would do.

It ends with 0 if there is nothing to be done or all was done, 1 if there is, 2 if that can't be told.`,
		Example:           example,
		Args:              cobra.NoArgs,
		SilenceUsage:      true,
		SilenceErrors:     true,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			err := f.run(c)
			var already exit
			if err != nil && !errors.As(err, &already) {
				return exit{2, err}
			}
			return err
		},
	}
	c.Flags().StringVar(&f.from, "from", "", "the system to take over from: "+strings.Join(Names(), ", "))
	c.Flags().BoolVar(&f.apply, "apply", false, "do it, rather than say what would be done")
	c.Flags().StringVar(&f.undo, "undo", "", "take back what an earlier --apply did, by the file that it wrote")
	c.Flags().BoolVar(&f.stopped, "stopped", false, "you know that the old controller doesn't run, whatever is found")
	c.Flags().StringVar(&f.forNamespaces, "namespace-for", "", "the namespace for Secrets that are made of ClusterSecrets")
	c.Flags().StringVar(&f.dir, "undo-dir", ".", "the folder that --apply writes the file for --undo into")
	_ = c.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(Names(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (f *flags) run(c *cobra.Command) error {
	switch {
	case f.config.Namespace != nil && *f.config.Namespace != "":
		return errors.New("--namespace: what a system copies goes from one namespace to others, so migrate takes them all; leave it out")
	case f.undo != "" && (f.from != "" || f.apply):
		return errors.New("--undo takes neither --from nor --apply beside it: the file says what was done")
	case f.undo == "" && f.from == "":
		return fmt.Errorf("--from: name the system to take over from: %s", strings.Join(Names(), ", "))
	}
	var system System
	var undo *Undo
	var err error
	if f.undo != "" {
		undo, err = ReadUndo(f.undo)
	} else {
		system, err = Find(f.from)
	}
	if err != nil {
		return err
	}
	clients, err := f.clients()
	if err != nil {
		return err
	}
	say := func(text string) { _, _ = fmt.Fprintln(f.streams.Out, text) }
	if undo != nil {
		return undo.Do(c.Context(), clients.Dynamic, say)
	}
	options := Options{NamespaceFor: f.forNamespaces, Now: now()}
	if options.Settings, options.Origin, err = f.deciding(c.Context()); err != nil {
		return err
	}
	cluster, err := system.Read(c.Context(), clients)
	if err != nil {
		return err
	}
	plan := system.Plan(cluster, options)
	if !f.apply || plan.Nothing() {
		plan.Print(f.streams.Out)
		if plan.Nothing() {
			return nil
		}
		say(fmt.Sprintf("do: kubectl mirror migrate --from %s --apply", system.Name))
		return exit{code: 1}
	}
	if err := (Applying{System: system, Clients: clients, Options: options, Stopped: f.stopped, Dir: f.dir, Say: say}).Do(c.Context(), plan); err != nil {
		return err
	}
	say("do: start KubeMirror; then kubectl mirror status -A says how far it is")
	return nil
}

// clients are those of the user's kubeconfig. What is read is a list or two of each type, and
// each write is asked for twice.
func (f *flags) clients() (Clients, error) {
	config, err := f.config.ToRESTConfig()
	if err != nil {
		return Clients{}, err
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200
	d, err := dynamic.NewForConfig(config)
	if err != nil {
		return Clients{}, err
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return Clients{}, err
	}
	return Clients{d, found}, nil
}
