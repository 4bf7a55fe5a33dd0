package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/page"
)

// tree is the command that shows sources with their mirrors.
type tree struct {
	*command
	all    bool
	output string
}

func newTree(c *command) *cobra.Command {
	t := &tree{command: c}
	cmd := &cobra.Command{
		Use:   "tree [TYPE[/NAME]] [-n NAMESPACE | -A]",
		Short: "Show sources with their mirrors",
		Long: `Shows the sources of the namespace, or with -A of all, each with the namespaces that it is mirrored
into. With -o html it writes a page to look at in a browser: one file, which loads nothing, and
which has names and states and no value of an object.

  kubectl mirror tree -A -o html > tree.html`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVarP(&t.all, "all-namespaces", "A", false, "sources of all namespaces")
	addOutput(cmd, &t.output, "text", "html")
	c.complete(cmd)
	return cmd
}

func (t *tree) run(ctx context.Context, args []string) error {
	c, err := t.open(ctx, false)
	if err != nil {
		return err
	}
	which, err := selection(c, args, t.all)
	if err != nil {
		return err
	}
	reports, err := t.read(ctx, c, which)
	if err != nil {
		return err
	}
	if len(reports) == 0 {
		_, _ = fmt.Fprintln(t.streams.ErrOut, "No sources found.")
	}
	if t.output == "html" {
		about := page.About{Title: title(which), Flags: c.Controller.Origin, Made: time.Now()}
		if err := page.Render(t.streams.Out, reports, about); err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
		return t.verdicts(reports)
	}
	for _, r := range reports {
		printTree(t.streams.Out, t.palette(), &r)
	}
	return t.verdicts(reports)
}

// title says which sources were asked about.
func title(which cluster.Selection) string {
	what, where := "Sources", "all namespaces"
	if len(which.Types) > 0 {
		what = which.Types[0].Resource.GroupResource().String()
	}
	if which.Name != "" {
		what += "/" + which.Name
	}
	if which.Namespace != "" {
		where = which.Namespace
	}
	return what + " of " + where
}

// marks are the outcomes in one character, for who doesn't see colours.
var marks = map[explain.Outcome]string{
	explain.InSync: "✔", explain.Pending: "…", explain.Blocked: "✘", explain.Refused: "⊘", explain.Kept: "‖",
	explain.Leaving: "←", explain.Unclear: "?", explain.Absent: " ",
}

var colours = map[explain.Outcome]string{
	explain.InSync: green, explain.Pending: yellow, explain.Blocked: red, explain.Refused: dim, explain.Kept: yellow,
	explain.Leaving: yellow, explain.Unclear: yellow, explain.Absent: dim,
}

func printTree(out io.Writer, p palette, r *explain.Report) {
	wanted, synced := r.Count()
	_, _ = fmt.Fprintf(out, "%s/%s in %s  %d/%d\n", r.Resource, r.Name, r.Namespace, synced, wanted)
	if failed := r.Failed(); failed != nil {
		_, _ = fmt.Fprintf(out, "│   %s\n", p.paint(red, printable(failed.Text)))
	}
	for n, t := range r.Targets {
		branch := "├── "
		if n == len(r.Targets)-1 {
			branch = "└── "
		}
		text := t.Namespace
		if t.Mirror != "" {
			text += "/" + t.Mirror
		}
		_, _ = fmt.Fprintf(out, "%s%s %s", branch, p.paint(colours[t.Outcome], marks[t.Outcome]), text)
		if t.Outcome != explain.InSync {
			_, _ = fmt.Fprintf(out, "  %s: %s", t.Outcome, printable(t.Why))
		}
		_, _ = fmt.Fprintln(out)
	}
}
