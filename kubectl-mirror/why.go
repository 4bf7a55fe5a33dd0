package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
)

// why is the command that explains one object.
type why struct {
	*command
	in      string
	cluster *cluster.Cluster
	kind    discovery.Type
	// notMirrored is why its type isn't mirrored.
	notMirrored string
	name        string
}

func newWhy(c *command) *cobra.Command {
	w := &why{command: c}
	cmd := &cobra.Command{
		Use:   "why TYPE/NAME [-n NAMESPACE] [--in NAMESPACE]",
		Short: "Say why a mirror is there, or isn't, and what to do",
		Long: `Goes the way that the controller goes, and says at which step it ends. Ask from either side:

  kubectl mirror why secret/registry -n platform               as the source's author, for all targets
  kubectl mirror why secret/registry -n platform --in team-b   for one of them, step by step
  kubectl mirror why secret/registry -n team-b                 as who misses it in team-b`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().StringVar(&w.in, "in", "", "only this target namespace, step by step")
	c.complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("in", c.completeNamespaces)
	return cmd
}

func (w *why) run(ctx context.Context, arg string) (err error) {
	if w.cluster, err = w.open(ctx, true); err != nil {
		return err
	}
	if w.kind, w.name, w.notMirrored, err = w.cluster.Resolve(arg); err != nil {
		return err
	}
	done := w.busy("reading " + arg)
	object, err := w.cluster.Object(ctx, w.kind, w.cluster.Namespace, w.name)
	done()
	switch {
	case err != nil && (w.in != "" || !errors.Is(err, cluster.ErrForbidden)):
		return err
	case object == nil && w.in == "":
		return w.fromTarget(ctx, w.cluster.Namespace, nil)
	case object == nil:
		return fmt.Errorf("there is no %s %s/%s", w.kind.Resource.GroupResource(), w.cluster.Namespace, w.name)
	case w.in == "" && object.GetLabels()[api.LabelEnabled] == "" && !w.isMeant(object):
		return w.fromTarget(ctx, w.cluster.Namespace, object)
	}
	return w.fromSource(ctx, object)
}

// isMeant reports whether an object without our label has one of our annotations that only a
// source has: its author has forgotten the label.
func (w *why) isMeant(object *unstructured.Unstructured) bool {
	annotations := object.GetAnnotations()
	return annotations[api.AnnotationSync] != "" || annotations[api.AnnotationTargetNamespaces] != "" || annotations[api.AnnotationTargetSelector] != ""
}

// fromSource explains a source to its author.
func (w *why) fromSource(ctx context.Context, object *unstructured.Unstructured) error {
	if !w.cluster.Controller.Known {
		return cluster.ErrFlagsUnknown
	}
	report, err := w.report(ctx, object, w.in)
	if err != nil {
		return err
	}
	if w.in != "" {
		return w.printTarget(report, w.in)
	}
	return w.printSource(report)
}

func (w *why) report(ctx context.Context, object *unstructured.Unstructured, in string) (*explain.Report, error) {
	defer w.busy("reading namespaces and mirrors")()
	e, err := w.cluster.Explainer(ctx, in)
	if err != nil {
		return nil, err
	}
	e.Try = true
	kind, notMirrored := w.kind, w.notMirrored
	if object.GetKind() != kind.Kind { // a stand-in or a request
		if kind, notMirrored, err = w.cluster.TypeOfKind(object.GroupVersionKind().GroupKind()); err != nil {
			return nil, err
		}
	}
	source, err := w.cluster.Source(ctx, kind, notMirrored, object, in)
	if err != nil {
		return nil, err
	}
	var only []string
	if in != "" {
		only = []string{in}
	}
	report := e.Explain(ctx, source, only...)
	return &report, nil
}

// printTarget prints the steps to one namespace.
func (w *why) printTarget(r *explain.Report, namespace string) error {
	target := r.Target(namespace)
	kind, _, _ := strings.Cut(r.Type, ".")
	out, p := w.streams.Out, w.palette()
	_, _ = fmt.Fprintf(out, "%s %s/%s -> %s: %s\n", kind, r.Namespace, r.Name, namespace, headline(target))
	checks := slices.Concat(r.Checks, target.Checks)
	printChecks(out, p, checks)
	w.printController()
	switch target.Outcome {
	case explain.Unclear:
		return errUnclear
	case explain.InSync:
		return nil
	}
	if target.Outcome == explain.Leaving && target.Checks[0].State != explain.NotReached {
		checks = target.Checks // whatever stops the source, it is the namespace that refuses
	}
	w.printDo(checks)
	return errDifferent
}

func headline(t *explain.Target) string {
	switch t.Outcome {
	case explain.InSync:
		return "in sync"
	case explain.Pending:
		return "not in sync yet"
	case explain.Blocked, explain.Refused, explain.Absent:
		return "no mirror"
	case explain.Kept:
		return "its mirror stays as it is"
	case explain.Leaving:
		return "its mirror goes"
	}
	return "it can't be told"
}

// printDo prints the command that mends the first step that failed.
func (w *why) printDo(checks []explain.Check) {
	for _, check := range checks {
		if check.State != explain.No {
			continue
		}
		if check.Do != "" {
			_, _ = fmt.Fprintln(w.streams.Out, "do:  ", check.Do)
		}
		return
	}
}

func (w *why) printController() {
	c := w.cluster.Controller
	state := w.palette().paint(green, "ok   ")
	text := "by the flags of " + c.Origin
	if c.Stopped {
		state, text = w.palette().paint(red, "NO   "), "no Pod of "+c.Origin+" is ready: nothing is written until one is"
	} else if !c.Known {
		state, text = w.palette().paint(yellow, "?    "), "by "+c.Origin
	}
	line(w.streams.Out, state, "controller", text)
}

// printSource prints what all targets have in common, and a line for each.
func (w *why) printSource(r *explain.Report) error {
	out, p := w.streams.Out, w.palette()
	kind, _, _ := strings.Cut(r.Type, ".")
	wanted, synced := r.Count()
	_, _ = fmt.Fprintf(out, "%s %s/%s: %d of %d in sync\n", kind, r.Namespace, r.Name, synced, wanted)
	printChecks(out, p, r.Checks)
	w.printController()
	if len(r.Targets) > 0 {
		_, _ = fmt.Fprintln(out)
		rows := [][]string{{"NAMESPACE", "MIRROR", "STATE", "WHY"}}
		for _, t := range r.Targets {
			rows = append(rows, []string{t.Namespace, dash(t.Mirror), string(t.Outcome), t.Why})
		}
		table(out, rows)
	} else if r.Failed() == nil {
		_, _ = fmt.Fprintln(out, "\nno namespace is asked for")
	}
	w.printNext(r)
	if r.Failed() != nil && !r.Unclear() {
		return errDifferent // off on purpose too: it isn't mirrored, and that was asked
	}
	return verdict(r)
}

// printNext prints what mends the source, or else how to learn more of the first namespace
// that isn't right.
func (w *why) printNext(r *explain.Report) {
	if failed := r.Failed(); failed != nil {
		w.printDo(r.Checks)
		return
	}
	for _, t := range r.Targets {
		if !t.Right() {
			_, _ = fmt.Fprintf(w.streams.Out, "do:   kubectl mirror why %s/%s -n %s --in %s\n", r.Resource, r.Name, r.Namespace, t.Namespace)
			return
		}
	}
}

// verdict is how a command ends that has printed a report.
func verdict(r *explain.Report) error {
	switch {
	case r.Unclear():
		return errUnclear
	case !r.Right():
		return errDifferent
	}
	return nil
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
