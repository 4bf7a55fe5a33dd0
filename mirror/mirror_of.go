package mirror

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// A ConfigMap with the annotation mirror-of has its mirrors made of something else than
// itself. Of an object of its own namespace it is a stand-in: the object can't carry our
// label, since an operator makes it, and the ConfigMap says in its place where it goes. Of
// a source elsewhere it is a request: it asks for that source's mirror in its own
// namespace, and gets it if the source's allow-to says so.
//
// Either is a Source by what it asks for; what its mirrors are made of is put into it when
// that is known: by Of for a stand-in, and by Granted for a request.

// parseMirrorOf reads the annotation mirror-of on an object in a namespace.
func parseMirrorOf(text, namespace string) (SourceKey, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 2 {
		parts = []string{parts[0], namespace, parts[1]}
	} else if len(parts) == 3 && parts[1] == namespace {
		return SourceKey{}, fmt.Errorf("%s: it names its own namespace; write %s/%s to stand for an object here", api.AnnotationMirrorOf, bounded(parts[0], longestName), bounded(parts[2], longestName))
	}
	if len(parts) != 3 {
		return SourceKey{}, fmt.Errorf("%s: %q is neither RESOURCE/NAME, for an object of this namespace, nor RESOURCE/NAMESPACE/NAME, for a source elsewhere", api.AnnotationMirrorOf, bounded(text, longestName))
	}
	resource, from, name := parts[0], parts[1], parts[2]
	switch {
	case !isResource.MatchString(resource):
		return SourceKey{}, fmt.Errorf("%s: %q is no resource; write it as kubectl api-resources has it, in the plural and with its group, as secrets or certificates.cert-manager.io", api.AnnotationMirrorOf, bounded(resource, longestName))
	case !isNamespace.MatchString(from):
		return SourceKey{}, fmt.Errorf("%s: %q is no name of a namespace", api.AnnotationMirrorOf, bounded(from, longestName))
	case !isName.MatchString(name) || name == "." || name == "..":
		return SourceKey{}, fmt.Errorf("%s: %q is no name of an object", api.AnnotationMirrorOf, bounded(name, longestName))
	}
	of := SourceKey{schema.ParseGroupResource(resource), from, name}
	if of.Type.Group == "rbac.authorization.k8s.io" {
		return SourceKey{}, fmt.Errorf("%s: what grants rights can be neither stood for nor asked for; make it a source", api.AnnotationMirrorOf)
	}
	return of, nil
}

var (
	isResource  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}([.][a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?)?$`)
	isNamespace = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	isName      = regexp.MustCompile(`^[^/%\s]{1,253}$`)
)

// StandsFor reports whether its mirrors are made of an object of its own namespace.
func (s *Source) StandsFor() bool { return s.Of != nil && s.Of.Namespace == s.Namespace }

// Requests reports whether it asks for another source's mirror.
func (s *Source) Requests() bool { return s.Of != nil && s.Of.Namespace != s.Namespace }

// From is the namespace that its content comes from; empty of a source that is gone.
func (s *Source) From() string {
	if s == nil {
		return ""
	}
	if s.Of != nil {
		return s.Of.Namespace
	}
	return s.Namespace
}

// readMirrorOf reads what its mirrors are made of, whatever else can't be read: whose mirrors
// there may be, and where, hangs on it. An error says what stops the source.
func (s *Source) readMirrorOf(annotations map[string]string) error {
	text, ok := annotations[api.AnnotationMirrorOf]
	if !ok {
		return nil
	}
	if s.Type != configMapType.Resource {
		return fmt.Errorf("%s: only a ConfigMap may ask for another object's mirror, not a %s", api.AnnotationMirrorOf, s.Kind)
	}
	of, err := parseMirrorOf(text, s.Namespace)
	if err != nil {
		s.OriginUnclear = true
		return err
	}
	s.Of, s.Mirrors = &of, MirrorType{Resource: of.Type}
	if !s.Requests() {
		return nil
	}
	for _, key := range []string{api.AnnotationTargetNamespaces, api.AnnotationTargetSelector, api.AnnotationTargetKind, api.AnnotationMaxTargets, api.AnnotationAllowTo} {
		if _, ok := annotations[key]; ok {
			return fmt.Errorf("%s: it has no meaning beside %s of another namespace, which asks for a mirror in this one; take it off", key, api.AnnotationMirrorOf)
		}
	}
	return nil
}

// TakesContent reports whether it is a stand-in or a request that what it is made of can be
// put into.
func TakesContent(s *Source) bool { return s.Of != nil && s.controls != nil }

// Origin is an object that others stand for.
type Origin struct {
	Identity
	Object *unstructured.Unstructured
}

// IngestOrigin takes in an object that others stand for; it passes on what it has already
// taken in.
func IngestOrigin(obj any) (any, error) {
	if u, ok := obj.(*unstructured.Unstructured); ok {
		return &Origin{Identity{Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion()}, u}, nil
	}
	return obj, nil
}

// Standing is a stand-in with the content of the object that it stands for; nil is one that
// isn't there.
func (s *Settings) Standing(in *Source, u *unstructured.Unstructured) *Source {
	src := in.afresh()
	if src.controls == nil {
		return src
	}
	src.Mirrors = MirrorType{Resource: src.Of.Type}
	switch {
	case u == nil || u.GetDeletionTimestamp() != nil:
		return without(src, fmt.Sprintf("there is no %s %q in this namespace; the mirrors come with it", src.Of.Type, src.Of.Name))
	case u.GetAnnotations()[api.AnnotationExclude] == "true":
		return without(src, fmt.Sprintf("the annotation %s on %s %q lets it go nowhere", api.AnnotationExclude, src.Of.Type, src.Of.Name))
	case StandingOf(src.Of.Type, u).IsMirror():
		return without(src, fmt.Sprintf("%s %q is a mirror itself; stand for its source", src.Of.Type, src.Of.Name))
	case refused(u.Object) != "":
		src = without(src, refused(u.Object))
		src.Mode = Refused
		return src
	}
	content, size := fingerprint(u, u.GetAnnotations())
	src.fingerprint, src.Size = HashContent(map[string]any{"controls": src.controls.fingerprint.String(), "content": content.String()}), size
	if s.Authors != nil {
		src.grants = grantsOf(u)
	}
	if err := src.fill(s, MirrorType{src.Of.Type, u.GroupVersionKind()}, u); err != nil {
		src.Mode, src.Reason = Stopped, err.Error()
	}
	return src
}

// notGranted is told to who asks for what isn't there, and to who asks for what isn't for
// him: the same, for it is nobody's business what there is elsewhere.
func notGranted(of *SourceKey) string {
	return fmt.Sprintf("nothing is handed out to this namespace as %s; it comes when a source of that name lets it in by %s", of.text(), api.AnnotationAllowTo)
}

// text is the source as the annotation mirror-of names one elsewhere.
func (k SourceKey) text() string { return k.Type.String() + "/" + k.Namespace + "/" + k.Name }

// Grants is what a source says to a namespace that asks for it.
func (s *Source) Grants(namespace string) Consent {
	switch {
	case s.Deleting, s.Requests(), s.Mode < Stopped:
		return ConsentRefused
	case s.AllowTo.unclear:
		return ConsentUnclear
	case s.AllowTo.wanted.patterns.Match(namespace) && !s.AllowTo.unwanted.patterns.Match(namespace):
		return ConsentGiven
	}
	return ConsentRefused
}

// Granted is a request with what it asks for: of a source that grants it, or, where that is
// nil, of none.
func (s *Settings) Granted(in, of *Source) *Source {
	src := in.afresh()
	switch {
	case src.controls == nil:
		return src
	case of == nil || of.Grants(src.Namespace) != ConsentGiven:
		src.Mirrors = MirrorType{Resource: src.Of.Type}
		return without(src, notGranted(src.Of))
	}
	src.Mirrors, src.content, src.Awaits, src.grants = of.Mirrors, of.Mirrors.GroupVersionKind, of.Awaits, of.grants
	src.by = of.WithoutContent()
	src.reads = src.controls.reads().And(of.reads)
	src.Recreate = src.controls.recreate || immutableKinds[src.Mirrors.GroupKind()]
	src.fingerprint, src.Size = HashContent(map[string]any{"controls": src.controls.fingerprint.String(), "of": of.fingerprint.String()}), of.Size
	switch {
	case of.Mode == Stopped:
		src.Mode, src.Reason = Stopped, "the source that it asks for can't be read; whoever keeps that can tell why"
	case of.Mode == Paused:
		src.Mode = Paused
	case of.HasContent():
		src.template = &mirrorTemplate{of: of, name: src.controls.name, rules: src.controls.rules, strict: src.controls.strict}
	}
	return src
}

// afresh is a stand-in or a request as it was before anything was put into it.
func (s *Source) afresh() *Source {
	src := *s
	if src.controls != nil {
		src.Mode, src.Reason, src.fingerprint = src.controls.mode, "", src.controls.fingerprint
		src.template, src.grants, src.by, src.Awaits = nil, nil, nil, false
	}
	return &src
}

// without is a stand-in or a request whose content isn't to be had.
func without(s *Source, reason string) *Source {
	s.Mode, s.Reason = Missing, reason
	s.fingerprint = HashContent(map[string]any{"controls": s.controls.fingerprint.String(), "missing": reason})
	return s
}

// Awaiting is a stand-in or a request whose content is to be found out.
func Awaiting(s *Source) *Source {
	src := *s
	if src.controls != nil {
		src.Mode, src.Reason, src.Awaits = src.controls.mode, "", true
	}
	return &src
}

// Stop is a stand-in or a request whose content can't be read.
func (s *Source) Stop(reason string) *Source {
	src := s.afresh()
	if src.controls != nil {
		src.Mode, src.Reason = Stopped, reason
	}
	return src
}

// Resume is a newer version of a stand-in or a request with what was put into an earlier
// one; it reports whether that is good for it.
func (s *Source) Resume(before *Source) (*Source, bool) {
	if s.controls == nil || before == nil || before.controls == nil || before.Awaits || s.controls.fingerprint != before.controls.fingerprint {
		return s, s.controls == nil
	}
	src := *before
	src.Identity, src.Generation, src.Finalizers, src.ManyFinalizers, src.Deleting = s.Identity, s.Generation, s.Finalizers, s.ManyFinalizers, s.Deleting
	src.SyncStatus, src.FailedTargets, src.stamp, src.Seen = s.SyncStatus, s.FailedTargets, s.stamp, s.Seen
	return &src, true
}

// parseAllowTo reads the annotation allow-to: names, globs and exclusions.
func parseAllowTo(list string) (t Targets, err error) {
	defer func() {
		if err != nil {
			t = Targets{unclear: true}
		}
	}()
	if len(list) > maxTargetsSize {
		return t, fmt.Errorf("%s: it has %d bytes; the most is %d", api.AnnotationAllowTo, len(list), maxTargetsSize)
	}
	if n := strings.Count(list, ",") + 1; n > maxTargetItems {
		return t, fmt.Errorf("%s: it has %d items; the most is %d", api.AnnotationAllowTo, n, maxTargetItems)
	}
	t.Text = list
	for _, item := range pattern.Split(list) {
		taken, negative := strings.CutPrefix(item, "!")
		choice := &t.wanted
		if negative {
			choice = &t.unwanted
		}
		taken = strings.TrimSpace(taken)
		if taken == all || taken == allLabeled {
			return t, fmt.Errorf("%s: %q can't be read as a name or glob; write * for every namespace", api.AnnotationAllowTo, taken)
		}
		if taken == "" {
			return t, fmt.Errorf(`%s: "!" takes away nothing; write a name or glob behind it`, api.AnnotationAllowTo)
		}
		if err := choice.patterns.Add(taken, pattern.InNamespaceName); err != nil {
			return t, fmt.Errorf("%s: %w", api.AnnotationAllowTo, err)
		}
	}
	return t, nil
}
