package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// plan is the command that says what would become of a change.
type plan struct {
	*command
	files             resource.FilenameOptions
	diff, showSecrets bool
	namespaces        string
}

func newPlan(c *command) *cobra.Command {
	p := &plan{command: c}
	cmd := &cobra.Command{
		Use:   "plan (-f FILE | -k DIR | TYPE/NAME) [--diff]",
		Short: "Say what would happen to mirrors if something were applied",
		Long: `Says for each namespace what would be created, changed or deleted, and what is in the way, if
the files were applied by you, or with --as by somebody else. Nothing is written: the server
is asked by a dry run whether it would take the source. With --namespaces, no cluster is
asked at all, and what is there already isn't known.

  kubectl mirror plan -f registry.yaml --diff
  kubectl mirror plan -k overlays/prod --as ann
  kubectl mirror plan -f registry.yaml --namespaces namespaces.yaml   # in CI
  kubectl mirror plan secret/registry -n platform                     # what is still to come`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd, args) },
	}
	cmd.Flags().StringSliceVarP(&p.files.Filenames, "filename", "f", nil, "files that are to be applied; - for the standard input")
	cmd.Flags().StringVarP(&p.files.Kustomize, "kustomize", "k", "", "a kustomization that is to be applied")
	cmd.Flags().BoolVarP(&p.files.Recursive, "recursive", "R", false, "files in folders of --filename too")
	cmd.Flags().BoolVar(&p.diff, "diff", false, "show what mirrors would become; values of Secrets as ***")
	cmd.Flags().BoolVar(&p.showSecrets, "show-secrets", false, "show values of Secrets in the diff")
	cmd.Flags().StringVar(&p.namespaces, "namespaces", "", "a file with namespaces, in place of a cluster: kubectl get namespaces -o yaml")
	c.complete(cmd)
	return cmd
}

// change is one source as it is and as it would be.
type change struct {
	kind          discovery.Type
	notMirrored   string
	before, after *unstructured.Unstructured
	// refusal is why the server wouldn't take it; empty where it would.
	refusal string
}

func (p *plan) run(cmd *cobra.Command, args []string) error {
	given := len(p.files.Filenames) > 0 || p.files.Kustomize != ""
	switch {
	case given == (len(args) > 0):
		return usageError(cmd, "give one of --filename, --kustomize and TYPE/NAME")
	case p.namespaces != "" && len(args) > 0:
		return usageError(cmd, "--namespaces takes --filename or --kustomize: without a cluster, there is no %s", args[0])
	case p.namespaces != "":
		return p.offline()
	}
	c, err := p.openFor(cmd.Context())
	if err != nil {
		return err
	}
	var changes []change
	if given {
		changes, err = p.fromFiles(cmd.Context(), c)
	} else {
		changes, err = p.fromCluster(cmd.Context(), c, args[0])
	}
	if err != nil {
		return err
	}
	return p.explain(cmd.Context(), c, changes)
}

// openFor connects as the user, who sees what there is, and has what is to be applied judged
// as of who is named by --as.
func (p *plan) openFor(ctx context.Context) (*cluster.Cluster, error) {
	author := rest.ImpersonationConfig{UserName: *p.flags.Impersonate, UID: *p.flags.ImpersonateUID, Groups: *p.flags.ImpersonateGroup}
	*p.flags.Impersonate, *p.flags.ImpersonateUID, *p.flags.ImpersonateGroup = "", "", nil
	c, err := p.open(ctx, false)
	if err != nil || author.UserName == "" {
		return c, err
	}
	return c, c.ActAs(author)
}

func (p *plan) fromCluster(ctx context.Context, c *cluster.Cluster, arg string) ([]change, error) {
	t, name, notMirrored, err := c.Resolve(arg)
	if err != nil {
		return nil, err
	}
	u, err := c.Get(ctx, t, c.Namespace, name)
	return []change{{kind: t, notMirrored: notMirrored, before: u, after: u}}, err
}

// explain prints what would become of each change.
func (p *plan) explain(ctx context.Context, c *cluster.Cluster, changes []change) error {
	done := p.busy("reading namespaces and mirrors")
	e, err := c.Explainer(ctx, "")
	done()
	if err != nil {
		return err
	}
	var end error
	for n, change := range changes {
		source, err := c.Source(ctx, change.kind, change.notMirrored, change.after, "")
		if err != nil {
			return err
		}
		report := e.Explain(ctx, source)
		if n > 0 {
			_, _ = fmt.Fprintln(p.streams.Out)
		}
		err = p.print(ctx, e.Reader, change, &report)
		if err != nil && !errors.Is(end, errUnclear) {
			end = err
		}
	}
	return end
}

// row is what would happen in a namespace.
type row struct {
	target       *explain.Target
	action, text string
}

// print says what would happen to the mirrors of one source.
func (p *plan) print(ctx context.Context, reader explain.Reader, c change, r *explain.Report) error {
	out := p.streams.Out
	_, _ = fmt.Fprintf(out, "%s %s/%s\n", c.kind.Kind, r.Namespace, r.Name)
	if c.refusal != "" {
		line(out, p.palette().paint(red, "NO   "), "admission", c.refusal)
	}
	if failed := r.Failed(); failed != nil {
		line(out, p.palette().paint(red, "NO   "), failed.Name, failed.Text)
	}
	var rows []row
	for n := range r.Targets {
		if row := p.row(ctx, reader, c, &r.Targets[n]); row.action != "" {
			rows = append(rows, row)
		}
	}
	cells := [][]string{{"NAMESPACE", "NAME", "ACTION", "WHY"}}
	for _, row := range rows {
		cells = append(cells, []string{row.target.Namespace, dash(row.target.Mirror), row.action, row.text})
	}
	if len(rows) > 0 {
		table(out, cells)
	}
	_, _ = fmt.Fprintln(out, sum(rows))
	if p.diff {
		for _, row := range rows {
			if err := p.printDiff(ctx, reader, c, row); err != nil {
				return err
			}
		}
	}
	return p.verdict(c, r, rows)
}

func (p *plan) verdict(c change, r *explain.Report, rows []row) error {
	switch {
	case r.Unclear():
		return errUnclear
	case c.refusal != "", r.Failed() != nil && r.Failed().Reason != "", slices.ContainsFunc(rows, func(r row) bool { return r.action != "refused" }):
		return errDifferent
	}
	return nil
}

// row says what would happen in one namespace; no action is nothing.
func (p *plan) row(ctx context.Context, reader explain.Reader, c change, t *explain.Target) row {
	r := row{target: t, text: t.Why}
	switch {
	case t.Outcome == explain.Unclear:
		r.action = "unclear"
	case t.Outcome == explain.Blocked && t.Next() == mirror.None, t.Outcome == explain.Refused, t.Outcome == explain.Kept && t.Reason != "":
		r.action = string(t.Outcome)
	case t.Next() == mirror.Create:
		r.action, r.text = "create", asked(t)
		if t.Existing() != "" {
			r.text += fmt.Sprintf("; %q goes", t.Existing())
		}
	case t.Next() == mirror.Replace, t.Next() == mirror.Recreate, t.Next() == mirror.Read:
		r.action, r.text = "change", p.differences(ctx, reader, c, t)
		if t.Next() == mirror.Recreate {
			r.action = "recreate"
		}
	case t.Next() == mirror.Delete:
		r.action = "delete"
	}
	return r
}

// asked is what the source asks for a namespace by.
func asked(t *explain.Target) string {
	for _, check := range t.Checks {
		if check.Name == "asked" {
			return check.Text
		}
	}
	return ""
}

// sum is all rows in one line.
func sum(rows []row) string {
	count := map[string]int{}
	for _, r := range rows {
		count[r.action]++
	}
	var parts []string
	for _, action := range []string{"create", "change", "recreate", "delete", "blocked", "kept", "refused", "unclear"} {
		if count[action] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[action], action))
		}
	}
	if len(parts) == 0 {
		return "nothing changes"
	}
	namespaces := "namespaces"
	if len(rows) == 1 {
		namespaces = "namespace"
	}
	return fmt.Sprintf("%d %s: %s", len(rows), namespaces, strings.Join(parts, ", "))
}

// isSource reports whether an object is a source, was one, or is meant to be one.
func isSource(u *unstructured.Unstructured) bool {
	if u == nil {
		return false
	}
	_, labelled := u.GetLabels()[api.LabelEnabled]
	_, annotated := u.GetAnnotations()[api.AnnotationSync]
	return labelled || annotated
}
