package explain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// steps are the checks of a namespace, in their order.
func (e *Explainer) steps() []string {
	steps := []string{"namespace", "asked", "flags", "allow-mirrors", "allow-from", "limit", "name", "rules", "place"}
	if e.Settings.Authors != nil {
		steps = append(steps, "author")
	}
	return append(steps, "server", "synced")
}

// plan is what a target would be changed to.
type plan struct {
	draft  mirror.Draft
	have   *mirror.Record
	action mirror.Action
	others []*mirror.Record // mirrors of other names, which go
}

// target explains one namespace.
func (e *Explainer) target(ctx context.Context, s *subject, namespace string) Target {
	t := Target{Namespace: namespace}
	ns := e.Namespaces[namespace]
	w := &way{ended: failed(s.checks) != nil}
	e.admissionChecks(w, s, ns, namespace)
	wants := func() bool {
		return s.selection.Wants(namespace, s.Limit(e.Settings), s.has)
	}
	intent := s.Intent(ns, wants)
	if s.in.NotMirrored != "" || !e.Settings.SourceAllowed(s.Namespace) {
		intent = mirror.IntentRetain // the controller doesn't look at it
	}
	if ns == nil && e.OnlySome || s.Awaits {
		intent = mirror.IntentUnknown
	}
	for _, r := range s.has[namespace] {
		t.Mirror, t.Since = r.Name, s.in.Written[r.UID]
	}
	e.conclude(ctx, w, s, &t, intent)
	for _, name := range e.steps() {
		if !slices.ContainsFunc(w.checks, func(c Check) bool { return c.Name == name }) {
			w.checks = append(w.checks, Check{Name: name, State: NotReached})
		}
	}
	if t.Outcome == Leaving && s.Mode >= mirror.Stopped && !s.Deleting {
		// Whatever stops or pauses the source, it is the namespace or the flags that refuse.
		w = &way{}
		e.admissionChecks(w, s, ns, namespace)
		t.Checks = w.checks
		if bad := failed(t.Checks); bad != nil {
			t.Why, t.Reason, t.Action = bad.Text, bad.Reason, t.plan.action.String()
			return t
		}
	}
	t.Checks, t.Action = w.checks, t.plan.action.String()
	if bad := failed(slices.Concat(s.checks, t.Checks)); bad != nil {
		t.Why, t.Reason = bad.Text, bad.Reason
	} else {
		t.Why = t.Checks[len(t.Checks)-1].Text
	}
	if t.Outcome == Refused && t.Reason == mirror.ReasonConsent {
		t.Reason = "" // one of many that can't be read: its author isn't told of it either
	}
	if !t.Right() {
		// Whatever came last can have made it so: the source, the namespace, or somebody who
		// changed the mirror after it was written.
		t.Late = slices.MaxFunc([]time.Time{s.changed, e.Born[namespace], t.Since}, time.Time.Compare)
	}
	return t
}

// admissionChecks are those of what the namespace and the flags say.
func (e *Explainer) admissionChecks(w *way, s *subject, ns *mirror.Namespace, namespace string) {
	switch {
	case ns == nil && e.OnlySome:
		w.add(Check{Name: "namespace", State: Unknown, Text: "you may not read the namespace " + namespace})
	case ns == nil:
		w.add(Check{Name: "namespace", State: No, Text: "there is no namespace " + namespace, Do: "kubectl create namespace " + namespace, Reason: "NoSuchNamespace"})
	default:
		w.step("namespace", !ns.Terminating, namespace+" is there", namespace+" is being deleted")
	}
	if ns == nil {
		return
	}
	e.askedCheck(w, s, ns)
	w.step("flags", e.Settings.TargetAllowed(namespace), "the controller's flags leave it in",
		"the controller's --excluded-namespaces or --included-namespaces leave "+namespace+" out")
	consentChecks(w, s.From(), ns)
	limit := s.Limit(e.Settings)
	switch {
	case w.ended:
		w.ok("limit", "")
	case s.selection.Wants(namespace, limit, s.has):
		text := fmt.Sprintf("%d of at most %d", len(s.selection.Requested), limit)
		if e.OnlySome {
			text = fmt.Sprintf("at most %d; how many it asks for takes the right to list namespaces", limit)
		}
		w.ok("limit", text)
	default:
		text := fmt.Sprintf("the source asks for %d namespaces, and may have %d", len(s.selection.Requested), limit)
		do := ""
		if limit == s.MaxTargets && s.MaxTargets < e.Settings.MaxTargets {
			do = annotate(s.object, api.AnnotationMaxTargets, fmt.Sprint(len(s.selection.Requested)))
		}
		w.problem("limit", mirror.Problem{Reason: mirror.ReasonOverLimit, Text: text + ": ask for fewer, or have --max-targets raised"}, do)
	}
}

func (e *Explainer) askedCheck(w *way, s *subject, ns *mirror.Namespace) {
	list := s.text[api.AnnotationTargetNamespaces]
	asks, takes := s.Targets.Explain(ns)
	switch {
	case ns.Name == s.From():
		w.no("asked", "it is the source's own namespace", "")
	case s.Requests() && ns.Name == s.Namespace:
		w.ok("asked", "it is the namespace that asks")
	case takes == "!"+ns.Name:
		w.no("asked", fmt.Sprintf("%q takes it away", takes), annotate(s.object, api.AnnotationTargetNamespaces, removed(list, takes)))
	case takes != "": // others too
		w.no("asked", fmt.Sprintf("%q takes it away", takes), edit(s.object))
	case asks == "":
		w.no("asked", "nothing in "+short(api.AnnotationTargetNamespaces)+" or "+short(api.AnnotationTargetSelector)+" matches it",
			annotate(s.object, api.AnnotationTargetNamespaces, added(list, ns.Name)))
	default:
		w.ok("asked", fmt.Sprintf("%q matches it", asks))
	}
}

// consentChecks are those of what the namespace says.
func consentChecks(w *way, source string, ns *mirror.Namespace) {
	o := object{"namespace", "", ns.Name}
	switch {
	case ns.Labels[api.LabelAllowMirrors] == "false":
		w.no("allow-mirrors", short(api.LabelAllowMirrors)+` on the namespace is "false"`, label(o, api.LabelAllowMirrors, ""))
	case ns.Unreadable != "" && ns.Name != source:
		w.problem("allow-mirrors", mirror.UnclearConsent(ns.Unreadable), edit(o))
	default:
		w.ok("allow-mirrors", "the namespace takes mirrors")
	}
	if ns.AllowFrom != nil && !ns.AllowFrom.Match(source) {
		w.no("allow-from", fmt.Sprintf("%s on the namespace is %q: %s isn't in it", short(api.AnnotationAllowFrom), ns.AllowFromText(), source),
			annotate(o, api.AnnotationAllowFrom, added(ns.AllowFromText(), source)))
		return
	}
	w.ok("allow-from", "and those of "+source)
}

// conclude works out how the namespace stands, and goes on where a mirror is to be.
func (e *Explainer) conclude(ctx context.Context, w *way, s *subject, t *Target, intent mirror.Intent) {
	has := s.has[t.Namespace]
	switch intent {
	case mirror.IntentUnknown:
		t.Outcome = Unclear
	case mirror.IntentUnclear:
		if t.Outcome = Kept; len(has) == 0 && !s.Targets.AsksByName(t.Namespace) {
			t.Outcome = Refused
		}
	case mirror.IntentRetain:
		switch t.Outcome = Kept; {
		case s.missing[t.Namespace]:
			t.Outcome = Blocked
		case len(has) == 0:
			t.Outcome = Refused
		}
	case mirror.IntentAbsent:
		switch ns := e.Namespaces[t.Namespace]; {
		case len(has) > 0:
			t.Outcome, t.plan.action, t.plan.others = Leaving, mirror.Delete, has
			if has[0].StaysBehind(s.Source, ns != nil && ns.Refuses(s.From())) {
				t.plan.action = mirror.Leave
			}
		case ns != nil && ns.Name != s.From() && s.Mode >= mirror.Paused && s.Targets.Match(ns):
			t.Outcome = Refused
		default:
			t.Outcome = Absent
		}
	case mirror.IntentPresent:
		e.present(ctx, w, s, t)
	}
}

// Consent is what a namespace by itself says to mirrors, whatever source they are of.
func Consent(ns *mirror.Namespace) []Check {
	w := &way{}
	w.step("namespace", !ns.Terminating, ns.Name+" is there", ns.Name+" is being deleted")
	consentChecks(w, "", ns)
	if last := &w.checks[len(w.checks)-1]; ns.AllowFrom != nil && last.State != NotReached {
		last.State, last.Do = OK, ""
		last.Text = fmt.Sprintf("mirrors of sources in %q alone", ns.AllowFromText())
	} else if last.State == OK {
		last.Text = "of sources in all namespaces"
	}
	return w.checks
}
