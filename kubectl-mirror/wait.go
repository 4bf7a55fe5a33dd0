package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

// wait is the command for pipelines.
type wait struct {
	*command
	timeout time.Duration
}

func newWait(c *command) *cobra.Command {
	w := &wait{command: c}
	cmd := &cobra.Command{
		Use:   "wait TYPE/NAME [-n NAMESPACE] [--timeout 60s]",
		Short: "Wait until all mirrors of a source are in sync",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return w.run(cmd.Context(), args) },
	}
	cmd.Flags().DurationVar(&w.timeout, "timeout", time.Minute, "how long to wait; 0 looks once")
	c.complete(cmd)
	return cmd
}

func (w *wait) run(ctx context.Context, args []string) error {
	c, err := w.open(ctx, false)
	if err != nil {
		return err
	}
	if _, _, _, err = c.Resolve(args[0]); err != nil {
		return err
	}
	which, err := selection(c, args, false)
	if err != nil {
		return err
	}
	begin := time.Now()
	until := begin.Add(w.timeout)
	for {
		reports, err := w.read(ctx, c, which)
		if err != nil {
			return err
		}
		r := reports[0]
		if verdict(&r) == nil && r.Failed() == nil {
			_, synced := r.Count()
			_, err := fmt.Fprintf(w.streams.Out, "%s/%s in %s is in sync in %d namespaces\n", r.Resource, r.Name, r.Namespace, synced)
			return err
		}
		// What its author has to mend doesn't mend itself.
		if r.Failed() != nil || !time.Now().Before(until) {
			return w.missing(&r, time.Since(begin).Round(time.Second))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(pause, time.Until(until))):
		}
	}
}

// missing says what isn't there, on the error's stream: the output is for what came true.
func (w *wait) missing(r *explain.Report, after time.Duration) error {
	wanted, synced := r.Count()
	_, _ = fmt.Fprintf(w.streams.ErrOut, "%s/%s in %s: %d of %d in sync after %s\n", r.Resource, r.Name, r.Namespace, synced, wanted, after)
	if failed := r.Failed(); failed != nil {
		_, _ = fmt.Fprintln(w.streams.ErrOut, "  "+printable(failed.Text))
	}
	for _, t := range r.Targets {
		if !t.Right() && r.Failed() == nil {
			_, _ = fmt.Fprintf(w.streams.ErrOut, "  %s: %s\n", t.Namespace, printable(t.Why))
		}
	}
	if r.Unclear() {
		return errUnclear
	}
	return errDifferent
}
