package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Status is what a source's author reads on it.
type Status struct {
	// Text is the annotation sync-status, Failed the annotation failed-targets;
	// empty stands for none.
	Text, Failed string
	// Problems are what the text tells, for events: one for each reason.
	Problems []Problem
}

// maxStatus bounds the text, in bytes; the rest is counted.
const maxStatus = 1024

// StatusOf says in words how far a source's mirrors are what they should be, with what
// is wrong in which namespace.
func StatusOf(src *Source, targets *Selection, wrong map[string][]Problem, limit int) Status {
	switch src.Mode {
	case Off:
		return Status{}
	case Refused:
		return Status{Text: "refused: " + src.Reason, Problems: []Problem{{Reason: ReasonRefused, Text: src.Reason}}}
	case Missing:
		return Status{Text: "waiting: " + src.Reason, Problems: []Problem{{Reason: ReasonMissing, Text: src.Reason}}}
	case Stopped:
		// The reason may quote a value, and that be as long as the server lets it.
		reason := shorten([]string{src.Reason})
		return Status{Text: "stopped: " + reason, Problems: []Problem{{Reason: ReasonInvalid, Text: reason + "; its mirrors stay as they are until that is mended"}}}
	case Paused:
		return Status{Text: "paused"}
	}
	var notes []Problem
	if over := targets.Excess(limit); over > 0 {
		notes = append(notes, overLimit(over, limit, src.MaxTargets == limit))
	}
	for _, text := range src.Problems {
		notes = append(notes, Problem{Reason: ReasonInvalid, Text: text})
	}
	failed := failing(wrong)
	problems := append(GroupByNamespaces(wrong), notes...)
	synced := min(limit, len(targets.Requested)) - len(slices.DeleteFunc(slices.Clone(failed), func(namespace string) bool { return !targets.isTarget(namespace, limit) }))
	s := Status{
		Text:     fmt.Sprintf("%d/%d synced", synced, len(targets.Requested)+len(targets.Missing)),
		Failed:   joinNames(failed),
		Problems: MergeByReason(problems),
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Text
	}
	if len(targets.Missing) > 0 {
		texts = append(texts, missing(targets.Missing))
	}
	if src.AllowTo.Text != "" {
		s.Text += fmt.Sprintf(", and handed out on request to %d", targets.OnRequest)
	}
	if len(texts) > 0 {
		s.Text += ": " + shorten(texts)
	} else if len(targets.Requested) == 0 && src.AllowTo.Text == "" {
		s.Text += ": " + nowhere(&src.Targets)
	}
	return s
}

// missing tells of namespaces that aren't there. It makes no event: most likely they are
// yet to come, and nobody has anything to mend.
func missing(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return "no namespace " + Enumerate(quoted)
}

// nowhere says why a source has no target.
func nowhere(targets *Targets) string {
	if targets.empty() {
		return "it asks for no namespace; set " + api.AnnotationTargetNamespaces + " or " + api.AnnotationTargetSelector
	}
	return "no namespace that it asks for is there, lets it in and is allowed by the flags"
}

// MergeByReason tells all problems of a reason as one, so that an annotation full of
// mistakes makes no flood of events.
func MergeByReason(problems []Problem) []Problem {
	var merged []Problem
	texts := map[string][]string{}
	for _, p := range problems {
		if texts[p.Reason] == nil {
			merged = append(merged, p)
		}
		texts[p.Reason] = append(texts[p.Reason], p.Text)
	}
	for i, p := range merged {
		merged[i].Text = shorten(texts[p.Reason])
	}
	return merged
}

// maxFailed bounds the list of namespaces, in bytes: some hundreds of them.
const maxFailed = 16 << 10

// joinNames lists as many namespaces as fit.
func joinNames(names []string) string {
	size := 0
	for i, name := range names {
		if size += len(name) + 1; size > maxFailed {
			names = names[:i]
			break
		}
	}
	return strings.Join(names, ",")
}

// failing lists the namespaces where something failed.
func failing(problems map[string][]Problem) []string {
	var names []string
	for namespace, list := range problems {
		if slices.ContainsFunc(list, func(p Problem) bool { return p.Failed }) {
			names = append(names, namespace)
		}
	}
	slices.Sort(names)
	return names
}

// GroupByNamespaces tells each problem once, with the namespaces that have it, as "ns-a,
// ns-b: what is wrong".
func GroupByNamespaces(problems map[string][]Problem) []Problem {
	where := map[Problem][]string{}
	var order []Problem // that of the rules, where they are about rules
	for _, namespace := range slices.Sorted(maps.Keys(problems)) {
		for _, p := range problems[namespace] {
			if where[p] == nil {
				order = append(order, p)
			}
			where[p] = append(where[p], namespace)
		}
	}
	groups := make([]Problem, len(order))
	for i, p := range order {
		groups[i] = p
		groups[i].Text = Enumerate(where[p]) + ": " + p.Text
	}
	return groups
}

// Enumerate names a few of many.
func Enumerate(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// shorten joins as many texts as fit.
func shorten(texts []string) string {
	joined := texts[0]
	for i, text := range texts[1:] {
		if len(joined)+len(text) > maxStatus {
			joined = fmt.Sprintf("%s; and %d more problems", joined, len(texts)-1-i)
			break
		}
		joined += "; " + text
	}
	if len(joined) > maxStatus+64 {
		joined = strings.ToValidUTF8(joined[:maxStatus], "") + "…"
	}
	return joined
}
