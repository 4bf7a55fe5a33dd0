package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Reader asks for what is known only on the way. Each takes nil for an answer where there
// is no such object.
type Reader interface {
	// Existing is an object's metadata.
	Existing(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*metav1.PartialObjectMetadata, error)
	// Whole is all of an object.
	Whole(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	// Try asks the server whether it would take a new object, and has it do nothing.
	Try(ctx context.Context, resource schema.GroupVersionResource, object *unstructured.Unstructured) error
}

// Explainer explains sources of one cluster.
type Explainer struct {
	Settings *mirror.Settings
	// Namespaces are those of the cluster; where OnlySome is set, the others weren't read.
	Namespaces map[string]*mirror.Namespace
	OnlySome   bool
	// Born has when they were made.
	Born   map[string]time.Time
	Reader Reader
	// Try has the server asked whether it would take a mirror that isn't there.
	Try bool
}

// Source is an object that is a source or is meant to be one, and its mirrors.
type Source struct {
	Object *unstructured.Unstructured
	Type   discovery.Type
	// NotMirrored is why its type isn't mirrored; empty where it is.
	NotMirrored string
	// Mirrors has what carries the mirror label, of its type and of its mirrors', in all
	// namespaces.
	Mirrors []*mirror.Record
	// Written has when each of them was written last, by UID.
	Written map[types.UID]time.Time
	// Owners has the sources of these types by UID: a mirror is that one's whose UID it has.
	Owners map[types.UID]mirror.SourceKey
	// Origin is what a stand-in or a request is made of; nil for any other source.
	Origin *Origin
}

// Origin is what a stand-in or a request is made of: the object that it stands for, or the
// source that hands itself out to it; nil where there is none. Unknown says why it isn't
// known; empty where it is.
type Origin struct {
	Object  *unstructured.Unstructured
	By      *mirror.Source
	Unknown string
}

func (o *Origin) unknown() string {
	if o == nil || o.Unknown == "" {
		return "what it is made of isn't known here"
	}
	return o.Unknown
}

// Put puts the origin into its source.
func (o *Origin) Put(settings *mirror.Settings, src *mirror.Source) *mirror.Source {
	switch {
	case o == nil || o.Unknown != "" || src.Of == nil:
		return src
	case src.StandsFor():
		return settings.Standing(src, o.Object)
	}
	return settings.Granted(src, o.By)
}

// owner is whose a mirror is, the source itself being one that is to be seen.
func (s *Source) owner(r *mirror.Record) mirror.SourceKey {
	if uid := s.Object.GetUID(); uid != "" && uid == types.UID(r.SourceUID()) {
		return mirror.SourceKey{Type: s.Type.Resource.GroupResource(), Namespace: s.Object.GetNamespace(), Name: s.Object.GetName()}
	}
	return r.Owner(s.Owners)
}

// subject is what is worked out of a source once, for all its namespaces.
type subject struct {
	*mirror.Source
	in     Source
	object object
	// mirrors is what its mirrors are.
	mirrors schema.GroupVersionResource
	checks  []Check
	changed time.Time
	// has are its mirrors by namespace.
	has       map[string][]*mirror.Record
	selection mirror.Selection
	// missing has the names that it asks for and no namespace has.
	missing map[string]bool
	text    map[string]string // its annotations
}

// Explain explains a source in all namespaces that it asks for or has mirrors in, or only in
// those that are named.
func (e *Explainer) Explain(ctx context.Context, in Source, only ...string) Report {
	s := e.subject(in)
	report := Report{
		Type: in.Type.String(), Resource: s.object.resource, Namespace: s.Namespace, Name: s.Name,
		Checks: s.checks, Status: s.SyncStatus, Changed: s.changed,
	}
	if len(only) == 0 {
		only = e.concerned(s)
	}
	for _, namespace := range only {
		report.Targets = append(report.Targets, e.target(ctx, s, namespace))
	}
	return report
}

func (e *Explainer) subject(in Source) *subject {
	s := &subject{
		Source: e.Settings.NewSource(in.Type.Resource.GroupResource(), in.Object), in: in, mirrors: in.Type.Resource,
		object: object{in.Type.Resource.GroupResource().String(), in.Object.GetNamespace(), in.Object.GetName()},
		has:    map[string][]*mirror.Record{}, missing: map[string]bool{}, selection: mirror.NewSelection(), text: in.Object.GetAnnotations(), changed: changed(in.Object),
	}
	s.Source = in.Origin.Put(e.Settings, s.Source)
	if other := s.Mirrors; other.Resource != s.Type {
		s.mirrors = other.Resource.WithVersion(other.Version)
	}
	for _, r := range in.Mirrors {
		if r.Standing.IsMirror() && in.owner(r) == s.SourceKey() {
			s.has[r.Namespace] = append(s.has[r.Namespace], r)
		}
	}
	s.checks = e.sourceChecks(s)
	if failed(s.checks) != nil && s.Mode == mirror.On {
		return s // its type or its namespace is left out
	}
	for name, ns := range e.Namespaces {
		if e.Settings.Selects(s.Source, ns) {
			s.selection.Requested[name] = true
		}
	}
	if s.Mode == mirror.On && !s.Deleting && !e.OnlySome {
		for _, name := range e.Settings.Missing(s.Source, func(name string) bool { return e.Namespaces[name] != nil }) {
			s.missing[name] = true
		}
	}
	return s
}

// concerned lists the namespaces to be explained.
func (e *Explainer) concerned(s *subject) []string {
	var names []string
	for name := range s.has {
		names = append(names, name)
	}
	if s.Mode >= mirror.Paused {
		for name, ns := range e.Namespaces {
			if name != s.From() && s.Targets.Match(ns) {
				names = append(names, name)
			}
		}
		for _, name := range s.Targets.Names() {
			if name != s.From() && !e.OnlySome {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sourceChecks are the steps that all namespaces have in common.
func (e *Explainer) sourceChecks(s *subject) []Check {
	w := &way{}
	w.step("type", s.in.NotMirrored == "", s.in.Type.String()+" is mirrored", s.in.NotMirrored)
	labels := s.in.Object.GetLabels()
	switch enabled, there := labels[api.LabelEnabled]; {
	case !there:
		w.no("label", "it has no label "+api.LabelEnabled, label(s.object, api.LabelEnabled, "true"))
	case enabled == "false", enabled == "":
		w.off("label", fmt.Sprintf("%s is %q", api.LabelEnabled, enabled), label(s.object, api.LabelEnabled, "true"))
	default:
		w.ok("label", short(api.LabelEnabled)+` is "`+enabled+`"`)
	}
	switch sync, there := s.text[api.AnnotationSync]; {
	case !there && s.Mode != mirror.Stopped:
		w.no("annotation", "it has no annotation "+api.AnnotationSync, annotate(s.object, api.AnnotationSync, "true"))
	case there && (sync == "false" || sync == ""):
		w.off("annotation", fmt.Sprintf("%s is %q", api.AnnotationSync, sync), annotate(s.object, api.AnnotationSync, "true"))
	case s.text[api.AnnotationExclude] == "true":
		w.off("annotation", api.AnnotationExclude+` is "true"`, annotate(s.object, api.AnnotationExclude, ""))
	default:
		w.ok("annotation", short(api.AnnotationSync)+` is "`+sync+`"`)
	}
	e.readableChecks(w, s)
	return w.checks
}

func (e *Explainer) readableChecks(w *way, s *subject) {
	switch {
	case s.Deleting:
		w.off("readable", "it is being deleted, and its mirrors with it", "")
	case s.Mode == mirror.Refused:
		w.problem("readable", mirror.Problem{Reason: mirror.ReasonRefused, Text: s.Reason}, "")
	case s.Mode == mirror.Missing:
		w.problem("readable", mirror.Problem{Reason: mirror.ReasonMissing, Text: s.Reason}, "")
	case s.Awaits:
		w.add(Check{Name: "readable", State: Unknown, Text: s.in.Origin.unknown()})
	case s.Mode == mirror.Stopped:
		w.problem("readable", mirror.Problem{Reason: mirror.ReasonInvalid, Text: s.Reason + "; its mirrors stay as they are until that is mended"}, edit(s.object))
	case s.Mode == mirror.Paused:
		w.off("readable", "it is paused: its mirrors stay as they are", annotate(s.object, api.AnnotationPaused, ""))
	default:
		w.ok("readable", "all that it asks for can be read")
	}
	w.step("source", e.Settings.SourceAllowed(s.Namespace), s.Namespace+" is a source namespace",
		"--source-namespaces leaves "+s.Namespace+" out")
}

// way is the checks that have been gone through. Nothing is checked behind one that failed.
type way struct {
	checks []Check
	ended  bool
}

func (w *way) add(c Check) {
	if w.ended {
		c = Check{Name: c.Name, State: NotReached}
	}
	w.checks = append(w.checks, c)
	w.ended = w.ended || c.State != OK
}

func (w *way) ok(name, text string)     { w.add(Check{Name: name, State: OK, Text: text}) }
func (w *way) no(name, text, do string) { w.add(Check{Name: name, State: No, Text: text, Do: do}) }
func (w *way) off(name, text, do string) {
	w.add(Check{Name: name, State: No, Text: text, Do: do, OnPurpose: true})
}
func (w *way) problem(name string, p mirror.Problem, do string) {
	w.add(Check{Name: name, State: No, Text: p.Text, Do: do, Reason: p.Reason})
}

func (w *way) step(name string, fine bool, text, otherwise string) {
	if fine {
		w.ok(name, text)
	} else {
		w.no(name, otherwise, "")
	}
}

// changed is when somebody else than KubeMirror changed an object last.
func changed(o metav1.Object) time.Time {
	last := o.GetCreationTimestamp().Time
	for _, entry := range o.GetManagedFields() {
		if entry.Manager != api.FieldManager && !strings.HasPrefix(entry.Subresource, "status") && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
