package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

// status is the command that lists sources.
type status struct {
	*command
	all, problems, watch bool
	output               string
}

func newStatus(c *command) *cobra.Command {
	s := &status{command: c}
	cmd := &cobra.Command{
		Use:   "status [TYPE[/NAME]] [-n NAMESPACE | -A]",
		Short: "List sources, and how far their mirrors are in sync",
		Long: `Lists the sources of the namespace, or with -A of all. LATE is how long the oldest difference has
been there at most: since the source or the namespace was changed last, or the mirror written.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd.Context(), cmd, args) },
	}
	cmd.Flags().BoolVarP(&s.all, "all-namespaces", "A", false, "sources of all namespaces")
	cmd.Flags().BoolVar(&s.problems, "problems", false, "only what isn't as it should be")
	cmd.Flags().BoolVarP(&s.watch, "watch", "w", false, "go on, and print what changes")
	addOutput(cmd, &s.output, "table", "wide", "json", "yaml", "name")
	c.complete(cmd)
	return cmd
}

// addOutput adds the flag --output, which takes some words, the first by default.
func addOutput(cmd *cobra.Command, to *string, words ...string) {
	cmd.Flags().StringVarP(to, "output", "o", words[0], "one of "+strings.Join(words, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(words, *to) {
			return usageError(cmd, "%q is no value for --output: it takes %s", *to, strings.Join(words, ", "))
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

func (s *status) run(ctx context.Context, cmd *cobra.Command, args []string) error {
	c, err := s.open(ctx, false)
	if err != nil {
		return err
	}
	which, err := selection(c, args, s.all)
	if err != nil {
		return err
	}
	if s.watch && s.output != "table" && s.output != "wide" {
		return usageError(cmd, "--watch prints a table: --output=%s can't be had with it", s.output)
	}
	reports, err := s.read(ctx, c, which)
	if err != nil {
		return err
	}
	if s.watch {
		return s.follow(ctx, c, which, reports)
	}
	if err := s.print(s.streams.Out, reports); err != nil {
		return err
	}
	return s.verdicts(reports)
}

// selection reads the argument TYPE or TYPE/NAME.
func selection(c *cluster.Cluster, args []string, all bool) (which cluster.Selection, err error) {
	if which.Namespace = c.Namespace; all {
		which.Namespace = ""
	}
	if len(args) == 0 {
		return which, nil
	}
	kind, name, _ := strings.Cut(args[0], "/")
	which.Name = name
	t, notMirrored, err := c.TypeOf(kind)
	if err == nil && notMirrored != "" {
		err = fmt.Errorf("there are no sources of that type: %s", notMirrored)
	}
	which.Types = []discovery.Type{t}
	return which, err
}

// read explains the sources, and says of which types it couldn't.
func (c *command) read(ctx context.Context, from *cluster.Cluster, which cluster.Selection) ([]explain.Report, error) {
	done := c.busy("reading sources and mirrors")
	reports, denied, err := from.Reports(ctx, which)
	done()
	if err != nil {
		return nil, err
	}
	if which.Name != "" && len(reports) == 0 && len(denied) == 0 {
		return nil, fmt.Errorf("there is no source %s/%s in %s; kubectl mirror why %s/%s says why it is none",
			which.Types[0].Resource.GroupResource(), which.Name, dash(which.Namespace), which.Types[0].Resource.GroupResource(), which.Name)
	}
	c.leftOut("for you may not list them in all namespaces", join(denied))
	c.leftOut("for the API server can't describe them now", strings.Join(from.Undescribed(), ", "))
	if len(reports) == 0 && c.missing != "" {
		return nil, errUnclear
	}
	return reports, nil
}

// leftOut says once what couldn't be read, which leaves the whole unclear.
func (c *command) leftOut(why, what string) {
	if text := fmt.Sprintf("left out, %s: %s\n", why, what); what != "" && !strings.Contains(c.missing, text) {
		c.missing += text
		_, _ = fmt.Fprint(c.streams.ErrOut, text)
	}
}

func join(types []discovery.Type) string {
	const most = 5
	var names []string
	for _, t := range types[:min(most, len(types))] {
		names = append(names, t.Resource.GroupResource().String())
	}
	slices.Sort(names)
	text := strings.Join(names, ", ")
	if more := len(types) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// shown are the reports that the flags ask for.
func (s *status) shown(reports []explain.Report) []explain.Report {
	if s.problems {
		return slices.DeleteFunc(slices.Clone(reports), func(r explain.Report) bool { return r.Right() })
	}
	return reports
}

func (s *status) print(out io.Writer, reports []explain.Report) error {
	reports = s.shown(reports)
	switch s.output {
	case "json", "yaml":
		return encode(out, s.output, reports)
	case "name":
		for _, r := range reports {
			_, _ = fmt.Fprintf(out, "%s/%s\n", r.Resource, r.Name)
		}
		return nil
	}
	if len(reports) == 0 {
		_, _ = fmt.Fprintln(s.streams.ErrOut, "No sources found.")
		return nil
	}
	table(out, append([][]string{s.heading()}, s.rows(reports)...))
	return nil
}

// encode writes reports as one document.
func encode(out io.Writer, format string, reports []explain.Report) error {
	if reports == nil {
		reports = []explain.Report{}
	}
	text, err := json.MarshalIndent(map[string]any{"sources": reports}, "", "  ")
	if err == nil && format == "yaml" {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.TrimSpace(string(text)))
	return err
}

func (s *status) heading() []string {
	heading := []string{"NAMESPACE", "SOURCE", "SYNCED", "LATE", "PROBLEM"}
	if s.output == "wide" {
		heading = append(heading, "NAMESPACES", "STATUS")
	}
	return heading
}

func (s *status) rows(reports []explain.Report) [][]string {
	var rows [][]string
	for _, r := range reports {
		wanted, synced := r.Count()
		problem, where := trouble(&r)
		row := []string{r.Namespace, r.Resource + "/" + r.Name, fmt.Sprintf("%d/%d", synced, wanted), age(r.Late()), dash(problem)}
		if s.output == "wide" {
			row = append(row, dash(strings.Join(where, ",")), dash(r.Status))
		}
		rows = append(rows, row)
	}
	return rows
}

// trouble is what is wrong with a source in a few words, and where.
func trouble(r *explain.Report) (problem string, namespaces []string) {
	if failed := r.Failed(); failed != nil {
		problem = failed.Text
		if failed.Reason != "" {
			problem = failed.Reason
		}
		return problem, nil
	}
	count := map[string]int{}
	for _, t := range r.Targets {
		if t.Right() {
			continue
		}
		reason := t.Reason
		if reason == "" {
			reason = string(t.Outcome)
		}
		count[reason]++
		namespaces = append(namespaces, t.Namespace)
	}
	var parts []string
	for reason, n := range count {
		parts = append(parts, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", "), namespaces
}

// verdicts is how a command ends that has printed reports.
func (c *command) verdicts(reports []explain.Report) error {
	if c.missing != "" {
		return errUnclear
	}
	var end error
	for _, r := range reports {
		switch err := verdict(&r); {
		case errors.Is(err, errUnclear):
			return err
		case err != nil:
			end = err
		}
	}
	return end
}

// pause is how long a command that goes on waits before it looks again.
const pause = 2 * time.Second

// follow prints what changes, until it is interrupted.
func (s *status) follow(ctx context.Context, c *cluster.Cluster, which cluster.Selection, reports []explain.Report) error {
	shown := map[string]string{}
	heading := s.heading()
	for {
		var news [][]string
		there := map[string]bool{}
		for _, row := range s.rows(s.shown(reports)) {
			key := row[0] + " " + row[1]
			there[key] = true
			// The age grows by itself, and is no news.
			if text := strings.Join(append(slices.Clone(row[:3]), row[4:]...), "\t"); shown[key] != text {
				shown[key] = text
				news = append(news, row)
			}
		}
		for key := range shown {
			if !there[key] {
				delete(shown, key)
				news = append(news, append(strings.Fields(key), "-", "-", "not listed any more"))
			}
		}
		if len(news) > 0 {
			if heading != nil {
				news, heading = append([][]string{heading}, news...), nil
			}
			table(s.streams.Out, news)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		var err error
		if reports, err = s.read(ctx, c, which); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
