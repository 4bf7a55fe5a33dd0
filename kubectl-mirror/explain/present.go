package explain

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// present goes the rest of the way, where a mirror is to be there.
func (e *Explainer) present(ctx context.Context, w *way, s *subject, t *Target) {
	t.Outcome = Blocked
	if !s.HasContent() {
		w.add(Check{Name: "name", State: Unknown, Text: s.in.Origin.unknown()})
		t.Outcome = Unclear
		return
	}
	name, problem := s.MirrorName(e.Namespaces[t.Namespace])
	if problem != nil {
		w.problem("name", *problem, edit(s.object))
		return
	}
	t.Mirror = name
	w.ok("name", fmt.Sprintf("%q", name))
	desired, problems := s.Desired(e.Namespaces[t.Namespace], name)
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
	t.plan.draft = mirror.Draft{Source: s.Source, Desired: desired, Namespace: t.Namespace, Name: name}
	if e.placeCheck(ctx, w, s, t) {
		e.syncedChecks(ctx, w, s, t)
	}
}

// placeCheck finds out what has the mirror's name.
func (e *Explainer) placeCheck(ctx context.Context, w *way, s *subject, t *Target) bool {
	d := t.plan.draft
	for _, r := range s.in.Mirrors {
		if r.Namespace == t.Namespace && r.Name == d.Name && r.Resource() == d.Resource() {
			t.plan.have = r
		} else if r.Namespace == t.Namespace && r.Standing.IsMirror() && s.in.owner(r) == s.SourceKey() {
			t.plan.others = append(t.plan.others, r)
		}
	}
	there := object{d.Resource().String(), t.Namespace, d.Name}
	if have := t.plan.have; have != nil {
		p := d.ClaimedBy(have, s.in.owner(have))
		if p == nil {
			t.Since = s.in.Written[have.UID]
			w.ok("place", "the mirror is there")
			return true
		}
		t.plan.have = nil
		do := "kubectl delete " + there.String()
		if p.Reason == mirror.ReasonTaken {
			do = annotate(s.object, api.AnnotationTargetNamespaces, added(s.text[api.AnnotationTargetNamespaces], "!"+t.Namespace))
		}
		w.problem("place", t.meanwhile(*p), do)
		return false
	}
	live, err := e.Reader.Existing(ctx, s.mirrors, t.Namespace, d.Name)
	switch {
	case err != nil:
		w.add(Check{Name: "place", State: Unknown, Text: "it can't be told whether the name is free: " + reason(err)})
		t.Outcome = Unclear
		return false
	case live != nil:
		w.problem("place", t.meanwhile(mirror.ForeignObject(s.Mirrors.Kind, d.Name)), "kubectl delete "+there.String())
		return false
	}
	w.ok("place", "the name is free")
	return true
}

// meanwhile adds to why the mirror can't have its name that one under a former name stays.
func (t *Target) meanwhile(p mirror.Problem) mirror.Problem {
	var names []string
	for _, r := range t.plan.others {
		names = append(names, r.Name)
	}
	t.plan.others = nil
	if len(names) == 0 {
		return p
	}
	t.Mirror = names[0]
	return p.Meanwhile(names)
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
	if have := t.plan.have; have != nil && have.Terminating {
		t.Outcome = Pending
		w.no("synced", "the mirror is being deleted, and is made anew when it has gone", "kubectl get "+object{have.Resource().String(), t.Namespace, have.Name}.String()+" -o yaml")
		return
	}
	if !e.authorCheck(w, s, t) || !e.serverCheck(ctx, w, s, t) {
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
	if have != nil && have.Standing.IsMirror() && have.State == mirror.ContentUnread {
		d.Desired.Cover(have.Fields)
	}
	action := mirror.Plan(d.Desired, have, nil, s.Generation > 0)
	if action != mirror.Read {
		return action, nil
	}
	whole, err := e.Reader.Whole(ctx, s.mirrors, have.Namespace, have.Name)
	if err != nil {
		return action, err
	}
	if whole == nil {
		return mirror.Create, nil
	}
	read := mirror.NewRecord(s.mirrors.GroupResource(), whole)
	read.Learn(mirror.HashContent(mirror.Content(whole.Object)), mirror.IsImmutable(whole.Object))
	t.plan.have = read
	return mirror.Plan(d.Desired, read, nil, s.Generation > 0), nil
}

// authorCheck says whose rights the controller asks for before it makes a mirror.
func (e *Explainer) authorCheck(w *way, s *subject, t *Target) bool {
	if e.Settings.Authors == nil {
		return true
	}
	if t.plan.action != mirror.Create && t.plan.action != mirror.Recreate {
		w.ok("author", "nobody is asked about")
		return true
	}
	_, author := s.SignedBy()
	if author.User == "" {
		w.problem("author", mirror.Problem{Reason: mirror.ReasonNoAuthor, Text: "nobody is known to have written it since the controller asks authors for their rights"},
			"kubectl annotate "+s.object.String()+" --overwrite "+api.AnnotationAuthor+"=")
		return false
	}
	w.ok("author", fmt.Sprintf("%q, who must have the right to create it there", author.User))
	return true
}

// serverCheck asks the server whether it would take a mirror that isn't there, as the user.
func (e *Explainer) serverCheck(ctx context.Context, w *way, s *subject, t *Target) bool {
	if t.plan.action != mirror.Create || !e.Try {
		w.ok("server", "it isn't asked")
		return true
	}
	err := e.Reader.Try(ctx, s.mirrors, plain(t.plan.draft.Object()))
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
