package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
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

// change is one source as it would be.
type change struct {
	kind        discovery.Type
	notMirrored string
	after       *unstructured.Unstructured
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
	all, err := p.plan(cmd.Context(), c, changes)
	if err != nil {
		return err
	}
	return p.printAll(all)
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
	return []change{{kind: t, notMirrored: notMirrored, after: u}}, err
}

// plan works out what would become of each change, before anything is printed.
func (p *plan) plan(ctx context.Context, c *cluster.Cluster, changes []change) (all []planned, err error) {
	defer p.busy("reading namespaces and mirrors")()
	e, err := c.Explainer(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		source, err := c.Source(ctx, change.kind, change.notMirrored, change.after, "")
		if err != nil {
			return nil, err
		}
		one, err := p.planned(ctx, e, change, source)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// planned is a change with what would become of its mirrors.
type planned struct {
	change
	report explain.Report
	rows   []row
}

func (p *plan) planned(ctx context.Context, e *explain.Explainer, c change, source explain.Source) (planned, error) {
	report := e.Explain(ctx, source)
	rows, err := p.rows(ctx, e.Reader, c, &report)
	return planned{c, report, rows}, err
}

func (p *plan) printAll(all []planned) error {
	var end error
	for n, one := range all {
		if n > 0 {
			_, _ = fmt.Fprintln(p.streams.Out)
		}
		if err := p.print(one); err != nil && !errors.Is(end, errUnclear) {
			end = err
		}
	}
	return end
}

// print says what would happen to the mirrors of one source.
func (p *plan) print(c planned) error {
	out, r := p.streams.Out, &c.report
	_, _ = fmt.Fprintf(out, "%s %s/%s\n", c.kind.Kind, r.Namespace, r.Name)
	if c.refusal != "" {
		line(out, p.palette().paint(red, "NO   "), "admission", c.refusal)
	}
	if failed := r.Failed(); failed != nil {
		line(out, p.palette().paint(red, "NO   "), failed.Name, failed.Text)
	}
	cells := [][]string{{"NAMESPACE", "NAME", "ACTION", "WHY"}}
	for _, row := range c.rows {
		cells = append(cells, []string{row.target.Namespace, dash(row.target.Mirror), row.action, row.text})
	}
	if len(c.rows) > 0 {
		table(out, cells)
	}
	_, _ = fmt.Fprintln(out, sum(c.rows))
	if p.diff {
		for _, row := range c.rows {
			if err := p.printDiff(c.change, row); err != nil {
				return err
			}
		}
	}
	return c.verdict()
}

// verdict is how the command ends: something would change, or not become as it is asked for.
func (c *planned) verdict() error {
	differs := func(r row) bool { return r.action != "refused" || r.target.Reason != "" }
	failed := c.report.Failed()
	switch {
	case c.report.Unclear():
		return errUnclear
	case c.refusal != "", failed != nil && !failed.OnPurpose, slices.ContainsFunc(c.rows, differs):
		return errDifferent
	}
	return nil
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
