package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// fromTarget explains to somebody in a target namespace what he has there, or misses. The
// object is what he has by that name; nil where there is nothing, or he may not see it.
func (w *why) fromTarget(ctx context.Context, namespace string, object *unstructured.Unstructured) error {
	if w.notMirrored != "" {
		_, _ = fmt.Fprintf(w.streams.Out, "%s %s in %s: no mirror\n", w.kind.Kind, w.name, namespace)
		w.printType()
		w.printController()
		return errDifferent
	}
	if object != nil && mirror.StandingOf(w.kind.Resource.GroupResource(), object).IsMirror() {
		return w.mirrorOf(ctx, object)
	}
	done := w.busy("reading the sources")
	sources, err := w.cluster.SourcesOf(ctx, w.kind)
	done()
	switch {
	case errors.Is(err, cluster.ErrForbidden):
		return w.withoutSources(ctx, namespace, object)
	case err != nil:
		return err
	}
	target, err := w.target(ctx, namespace)
	if err != nil {
		return err
	}
	var found []*unstructured.Unstructured
	for _, u := range sources {
		if source := w.cluster.SourceIn(w.kind, u); source.From() != namespace && w.mirrorName(source, target) == w.name {
			found = append(found, u)
		}
	}
	switch len(found) {
	case 0:
		return w.noSource(namespace, object)
	case 1:
		return w.oneSource(ctx, found[0], namespace)
	}
	return w.manySources(ctx, found, namespace)
}

// target is a namespace; all that is known is its name where the user may not see it.
func (w *why) target(ctx context.Context, name string) (*mirror.Namespace, error) {
	found, _, err := w.cluster.NamespaceAlone(ctx, name)
	if err != nil || found[name] != nil {
		return found[name], err
	}
	return &mirror.Namespace{Identity: mirror.Identity{Name: name}}, nil
}

// mirrorName is the name that a source's mirror would have in a namespace, as far as its own
// annotations tell.
func (w *why) mirrorName(source *mirror.Source, namespace *mirror.Namespace) string {
	switch {
	case source.Requests() && source.Namespace != namespace.Name:
		return "" // it asks for itself alone
	case source.HasContent():
		name, _ := source.MirrorName(namespace)
		return name
	case source.Of != nil:
		return source.Of.Name
	}
	return source.Name
}

// mirrorOf explains a mirror that is there.
func (w *why) mirrorOf(ctx context.Context, object *unstructured.Unstructured) error {
	owner := w.owner(ctx, mirror.NewRecord(w.kind.Resource.GroupResource(), object))
	written := object.GetAnnotations()[api.AnnotationLastSyncTime]
	title := printable(fmt.Sprintf("%s %s/%s is the mirror of %s, written last %s", w.kind.Kind, object.GetNamespace(), object.GetName(), owner.Among(w.kind.Resource.GroupResource()), written))
	if owner.Name == "" || w.cluster.Controller.Known && !w.cluster.Controller.Settings.SourceAllowed(owner.Namespace) {
		_, _ = fmt.Fprintf(w.streams.Out, "%s\nThe controller leaves it alone: it names no source, or one in a namespace that --source-namespaces leaves out.\n", title)
		return errDifferent
	}
	if owner.Type != w.kind.Resource.GroupResource() {
		kind, notMirrored, err := w.cluster.TypeOf(owner.Type.String())
		if err != nil {
			return err
		}
		w.kind, w.notMirrored = kind, notMirrored
	}
	source, err := w.cluster.Object(ctx, w.kind, owner.Namespace, owner.Name)
	switch {
	case errors.Is(err, cluster.ErrForbidden):
		_, _ = fmt.Fprintf(w.streams.Out, "%s\nYou may not read its source, so whether it is in sync can't be told.\n", title)
		w.ask(owner.NamespacedName().String(), object.GetNamespace())
		return errUnclear
	case err != nil:
		return err
	case source == nil:
		_, _ = fmt.Fprintf(w.streams.Out, "%s\nIts source is gone, and the controller deletes it.\n", title)
		return errDifferent
	}
	return w.oneSource(ctx, source, object.GetNamespace())
}

// owner is the source whose UID a mirror has, where the user may look for that, or else the
// one that it names.
func (w *why) owner(ctx context.Context, r *mirror.Record) mirror.SourceKey {
	owners, _ := w.cluster.Owners(ctx, w.kind) // without the right to, the name is the next best
	return r.Owner(owners)
}

func (w *why) oneSource(ctx context.Context, source *unstructured.Unstructured, namespace string) error {
	report, err := w.report(ctx, source, namespace)
	if err != nil {
		return err
	}
	return w.printTarget(report, namespace)
}

// manySources says which of several sources of one name comes how far. Those that don't ask
// for the namespace count only where none does.
func (w *why) manySources(ctx context.Context, sources []*unstructured.Unstructured, namespace string) error {
	var all, asking []*explain.Report
	for _, u := range sources {
		report, err := w.report(ctx, u, namespace)
		if err != nil {
			return err
		}
		if all = append(all, report); report.Target(namespace).Outcome != explain.Absent {
			asking = append(asking, report)
		}
	}
	switch len(asking) {
	case 0:
		asking = all
	case 1:
		return w.printTarget(asking[0], namespace)
	}
	return w.printSources(asking, namespace)
}

func (w *why) printSources(reports []*explain.Report, namespace string) error {
	rows := [][]string{{"SOURCE", "STATE", "WHY"}}
	end, next := errDifferent, ""
	for _, r := range reports {
		t := r.Target(namespace)
		switch {
		case t.Outcome == explain.InSync:
			end = nil
		case t.Outcome == explain.Unclear && end != nil:
			end = errUnclear
		}
		if next == "" && t.Outcome != explain.InSync {
			next = fmt.Sprintf("kubectl mirror why %s/%s -n %s --in %s", r.Resource, r.Name, r.Namespace, namespace)
		}
		rows = append(rows, []string{r.Namespace + "/" + r.Name, string(t.Outcome), t.Why})
	}
	out := w.streams.Out
	_, _ = fmt.Fprintf(out, "%s %s in %s: %d sources could be mirrored under that name\n\n", w.kind.Kind, w.name, namespace, len(reports))
	table(out, rows)
	if end != nil {
		_, _ = fmt.Fprintln(out, "do:  ", next)
	}
	return end
}

// noSource says that nothing would be mirrored there under that name.
func (w *why) noSource(namespace string, object *unstructured.Unstructured) error {
	out, p := w.streams.Out, w.palette()
	resource := w.kind.Resource.GroupResource()
	_, _ = fmt.Fprintf(out, "%s %s in %s: no mirror\n", w.kind.Kind, w.name, namespace)
	w.printType()
	line(out, p.paint(red, "NO   "), "source", fmt.Sprintf("no %s with the label %s would be mirrored there under that name", w.kind.Kind, api.LabelEnabled))
	w.printPlace(object)
	w.printController()
	if object != nil {
		_, _ = fmt.Fprintf(out, "If it is to be a source itself:\ndo:   kubectl label %s %s -n %s %s=true\n", resource, w.name, namespace, api.LabelEnabled)
	} else {
		_, _ = fmt.Fprintf(out, "Where the original is:\ndo:   kubectl label %s %s -n NAMESPACE %s=true\n", resource, w.name, api.LabelEnabled)
	}
	return errDifferent
}

// withoutSources says what can be known by somebody who may not look for sources.
func (w *why) withoutSources(ctx context.Context, namespace string, object *unstructured.Unstructured) error {
	found, may, err := w.cluster.NamespaceAlone(ctx, namespace)
	if err != nil {
		return err
	}
	out, p := w.streams.Out, w.palette()
	_, _ = fmt.Fprintf(out, "%s %s in %s: it can't be told without the right to read sources; this can:\n", w.kind.Kind, w.name, namespace)
	w.printType()
	line(out, p.paint(yellow, "?    "), "source", fmt.Sprintf("you may not list %s elsewhere", w.kind.Resource.GroupResource()))
	switch {
	case !may:
		line(out, p.paint(yellow, "?    "), "namespace", "you may not read the namespace "+namespace)
	case len(found) == 0:
		line(out, p.paint(red, "NO   "), "namespace", "there is no namespace "+namespace)
	default:
		printChecks(out, p, explain.Consent(found[namespace]))
	}
	w.printPlace(object)
	w.printController()
	w.ask("NAMESPACE/"+w.name, namespace)
	return errUnclear
}

func (w *why) printType() {
	if w.notMirrored != "" {
		line(w.streams.Out, w.palette().paint(red, "NO   "), "type", w.notMirrored)
	} else {
		line(w.streams.Out, w.palette().paint(green, "ok   "), "type", w.kind.String()+" is mirrored")
	}
}

func (w *why) printPlace(object *unstructured.Unstructured) {
	if object != nil {
		line(w.streams.Out, w.palette().paint(red, "NO   "), "place", mirror.ForeignObject(w.kind.Kind, w.name).Text)
	} else {
		line(w.streams.Out, w.palette().paint(green, "ok   "), "place", "nothing else has the name, that you may see")
	}
}

// ask says whom to ask, and what.
func (w *why) ask(source, namespace string) {
	from, name, _ := strings.Cut(source, "/")
	_, _ = fmt.Fprintf(w.streams.Out, "do:   ask whoever keeps it in its own namespace to run: kubectl mirror why %s/%s -n %s --in %s\n", w.kind.Resource.GroupResource(), name, from, namespace)
}
