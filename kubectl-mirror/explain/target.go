package explain

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// stepsOfTarget are the checks of a namespace, in their order.
var stepsOfTarget = []string{"namespace", "asked", "flags", "allow-mirrors", "allow-from", "limit", "name", "rules", "place", "server", "synced"}

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
	if ns == nil && e.OnlySome {
		intent = mirror.IntentUnknown
	}
	for _, r := range s.has[namespace] {
		t.Mirror, t.Since = r.Name, s.in.Written[r.Key()]
	}
	e.conclude(ctx, w, s, &t, intent)
	for _, name := range stepsOfTarget {
		if !slices.ContainsFunc(w.checks, func(c Check) bool { return c.Name == name }) {
			w.checks = append(w.checks, Check{Name: name, State: NotReached})
		}
	}
	t.Checks, t.Action = w.checks, t.plan.action.String()
	if bad := failed(slices.Concat(s.checks, t.Checks)); bad != nil {
		t.Why, t.Reason = bad.Text, bad.Reason
	} else {
		t.Why = t.Checks[len(t.Checks)-1].Text
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
	consentChecks(w, s.Namespace, ns)
	limit := s.Limit(e.Settings)
	switch {
	case w.ended:
		w.ok("limit", "")
	case s.selection.Wants(namespace, limit, s.has):
		w.ok("limit", fmt.Sprintf("%d of at most %d", len(s.selection.Requested), limit))
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
	case ns.Name == s.Namespace:
		w.no("asked", "it is the source's own namespace", "")
	case takes != "":
		w.no("asked", fmt.Sprintf("%q takes it away", takes), annotate(s.object, api.AnnotationTargetNamespaces, removed(list, takes)))
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
		t.Outcome = Kept
	case mirror.IntentRetain:
		if t.Outcome = Kept; len(has) == 0 {
			t.Outcome = Refused
		}
	case mirror.IntentAbsent:
		switch ns := e.Namespaces[t.Namespace]; {
		case len(has) > 0:
			t.Outcome, t.plan.action, t.plan.others = Leaving, mirror.Delete, has
		case ns != nil && ns.Name != s.Namespace && s.Mode >= mirror.Paused && s.Targets.Match(ns):
			t.Outcome = Refused
		default:
			t.Outcome = Absent
		}
	case mirror.IntentPresent:
		e.present(ctx, w, s, t)
	}
}

// present goes the rest of the way, where a mirror is to be there.
func (e *Explainer) present(ctx context.Context, w *way, s *subject, t *Target) {
	t.Outcome = Blocked
	name, problem := s.MirrorName(t.Namespace)
	if problem != nil {
		w.problem("name", *problem, edit(s.object))
		return
	}
	t.Mirror = name
	w.ok("name", fmt.Sprintf("%q", name))
	desired, problems := s.Desired(t.Namespace, name)
	if desired == nil {
		w.problem("rules", problems[len(problems)-1], edit(s.object))
		return
	}
	rules := "they can be applied"
	if s.text[api.AnnotationTransform] == "" {
		rules = "there are none"
	}
	for _, p := range problems {
		rules = "skipped: " + p.Text
	}
	w.ok("rules", rules)
	t.plan.draft = mirror.Draft{Source: s.Source, Desired: desired, Resource: s.resource.GroupResource(), Namespace: t.Namespace, Name: name}
	if e.placeCheck(ctx, w, s, t) {
		e.syncedChecks(ctx, w, s, t)
	}
}

// placeCheck finds out what has the mirror's name.
func (e *Explainer) placeCheck(ctx context.Context, w *way, s *subject, t *Target) bool {
	d := t.plan.draft
	for _, r := range s.in.Mirrors {
		if r.Namespace == t.Namespace && r.Name == d.Name {
			t.plan.have = r
		} else if r.Namespace == t.Namespace && r.Standing.IsMirror() && s.in.owner(r) == s.Key() {
			t.plan.others = append(t.plan.others, r)
		}
	}
	there := object{s.object.resource, t.Namespace, d.Name}
	if have := t.plan.have; have != nil {
		p := d.ClaimedBy(have, s.in.owner(have))
		if p == nil {
			t.Since = s.in.Written[have.Key()]
			w.ok("place", "the mirror is there")
			return true
		}
		w.problem("place", *p, "kubectl delete "+there.String()+"   # if nobody needs it: look first")
		return false
	}
	live, err := e.Reader.Existing(ctx, s.resource, t.Namespace, d.Name)
	switch {
	case err != nil:
		w.add(Check{Name: "place", State: Unknown, Text: "it can't be told whether the name is free: " + reason(err)})
		t.Outcome = Unclear
		return false
	case live != nil:
		w.problem("place", mirror.ForeignObject(s.Kind, d.Name), "kubectl delete "+there.String()+"   # if nobody needs it: look first")
		return false
	}
	w.ok("place", "the name is free")
	return true
}

// syncedChecks compares the mirror with what it should be.
func (e *Explainer) syncedChecks(ctx context.Context, w *way, s *subject, t *Target) {
	action, err := e.action(ctx, s, t)
	if err != nil {
		w.add(Check{Name: "server", State: Unknown, Text: "the mirror can't be read: " + reason(err)})
		t.Outcome = Unclear
		return
	}
	t.plan.action = action
	if !e.serverCheck(ctx, w, s, t) {
		return
	}
	if action == mirror.None && len(t.plan.others) == 0 {
		t.Outcome = InSync
		w.ok("synced", "in sync since "+t.Since.UTC().Format(time.RFC3339))
		return
	}
	t.Outcome = Pending
	text := "the controller is about to " + action.String() + " it"
	if action == mirror.None {
		text = "a mirror of another name is about to go"
	}
	if s.FailedIn(t.Namespace) {
		t.Outcome, text = Blocked, "the controller failed there: "+s.SyncStatus
	}
	w.no("synced", text, "kubectl mirror wait "+s.object.resource+"/"+s.Name+" -n "+s.Namespace)
}

// action is what the controller does next.
func (e *Explainer) action(ctx context.Context, s *subject, t *Target) (mirror.Action, error) {
	d, have := t.plan.draft, t.plan.have
	if have != nil && have.State == mirror.ContentUnread {
		d.Desired.Cover(have.Fields)
	}
	action := mirror.Plan(d.Desired, have, nil, s.Generation > 0)
	if action != mirror.Read {
		return action, nil
	}
	whole, err := e.Reader.Whole(ctx, s.resource, have.Namespace, have.Name)
	if err != nil {
		return action, err
	}
	if whole == nil {
		return mirror.Create, nil
	}
	read := mirror.NewRecord(s.resource.GroupResource(), whole)
	read.Learn(mirror.HashContent(mirror.Content(whole.Object)), mirror.IsImmutable(whole.Object))
	t.plan.have = read
	return mirror.Plan(d.Desired, read, nil, s.Generation > 0), nil
}

// serverCheck asks the server whether it would take a mirror that isn't there, as the user.
func (e *Explainer) serverCheck(ctx context.Context, w *way, s *subject, t *Target) bool {
	if t.plan.action != mirror.Create || !e.Try {
		w.ok("server", "it isn't asked")
		return true
	}
	err := e.Reader.Try(ctx, s.resource, plain(t.plan.draft.Object()))
	switch {
	case err == nil:
		w.ok("server", "it would take the mirror")
	case mirror.LacksRight(err):
		w.ok("server", "not tried: you may not create it there")
	case apierrors.IsAlreadyExists(err):
		w.ok("server", "it has been made just now")
	default:
		w.problem("server", mirror.WriteProblem("create", err), "")
		return false
	}
	return true
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
