package mirror

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func forbidden(message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: "Failure", Code: 403, Reason: metav1.StatusReasonForbidden, Message: message}}
}

func TestStatus(t *testing.T) {
	bad := Problem{Reason: "X", Text: "broken", Failed: true}
	note := Problem{Reason: "Y", Text: "odd"}
	for _, row := range []struct {
		it, asked    string
		missing      []string
		source       Source
		problems     map[string][]Problem
		limit        int
		text, failed string
	}{
		{it: "counts", asked: "a b", source: Source{Mode: On}, limit: 9, text: "2/2 synced"},
		{it: "says that it asks for none", source: Source{Mode: On}, limit: 9, text: "0/0 synced: it asks for no namespace; set kubemirror.raczylo.com/target-namespaces or kubemirror.raczylo.com/target-selector"},
		{it: "counts none", source: Source{Mode: On, Targets: Targets{wanted: choice{all: true}}}, limit: 9, text: "0/0 synced: no namespace that it asks for is there, lets it in and is allowed by the flags"},
		{it: "names what failed", asked: "a b c", source: Source{Mode: On}, limit: 9, problems: map[string][]Problem{"b": {bad}}, text: "2/3 synced: b: broken", failed: "b"},
		{it: "tells the same of several at once", asked: "a b c", source: Source{Mode: On}, limit: 9, problems: map[string][]Problem{"c": {bad}, "b": {bad}}, text: "1/3 synced: b, c: broken", failed: "b,c"},
		{it: "tells what didn't fail", asked: "a", source: Source{Mode: On}, limit: 9, problems: map[string][]Problem{"a": {note}}, text: "1/1 synced: a: odd"},
		{it: "tells of the limit", asked: "a b c", source: Source{Mode: On}, limit: 2, text: "2/3 synced: 1 over the maximum targets of 2; ask for fewer, or have --max-targets raised"},
		{it: "tells of the source's own limit", asked: "a b c", source: Source{Mode: On, MaxTargets: 2}, limit: 2, text: "2/3 synced: 1 over the maximum targets of 2; ask for fewer, or raise kubemirror.raczylo.com/max-targets"},
		{it: "tells of bad items", asked: "a", source: Source{Mode: On, Problems: []string{"bad item"}}, limit: 9, text: "1/1 synced: bad item"},
		{it: "names what isn't there", asked: "a b", missing: []string{"team-z"}, source: Source{Mode: On}, limit: 9, text: `2/3 synced: no namespace "team-z"`},
		{it: "names what isn't there behind what failed", asked: "a b", missing: []string{"y", "z"}, source: Source{Mode: On}, limit: 9, problems: map[string][]Problem{"b": {bad}}, text: `1/4 synced: b: broken; no namespace "y", "z"`, failed: "b"},
		{it: "names some of many that aren't there", missing: strings.Split("a b c d e f g", " "), source: Source{Mode: On}, limit: 9, text: `0/7 synced: no namespace "a", "b", "c", "d", "e" and 2 more`},
		{it: "counts against the limit only what is there", asked: "a b", missing: []string{"z"}, source: Source{Mode: On}, limit: 2, text: `2/3 synced: no namespace "z"`},
		{it: "tells why it stopped", source: Source{Mode: Stopped, Reason: "bad selector"}, text: "stopped: bad selector"},
		{it: "tells why it is refused", source: Source{Mode: Refused, Reason: "never"}, text: "refused: never"},
		{it: "says that it is paused", source: Source{Mode: Paused}, text: "paused"},
		{it: "says nothing of what is no source", source: Source{Mode: Off}},
	} {
		t.Run(row.it, func(t *testing.T) {
			targets, wrong := NewSelection(), map[string][]Problem{}
			for ns := range strings.FieldsSeq(row.asked) {
				targets.Requested[ns] = true
			}
			if row.problems != nil {
				wrong = row.problems
			}
			targets.Missing = row.missing
			got := StatusOf(&row.source, &targets, wrong, row.limit)
			if got.Text != row.text || got.Failed != row.failed {
				t.Errorf("says %q and %q, want %q and %q", got.Text, got.Failed, row.text, row.failed)
			}
		})
	}
}

func TestStatusHasAnEnd(t *testing.T) {
	targets, wrong := NewSelection(), map[string][]Problem{}
	for i := range 1000 {
		ns := strings.Repeat("n", i%60+1) + string(rune('a'+i%26))
		targets.Requested[ns] = true
		wrong[ns] = []Problem{{Text: strings.Repeat("x", i%500), Failed: true}}
	}
	if got := StatusOf(&Source{Mode: On}, &targets, wrong, 2000); len(got.Text) > maxStatus+200 {
		t.Errorf("a status of %d bytes", len(got.Text))
	}
	targets = NewSelection()
	for i := range maxTargetItems {
		targets.Missing = append(targets.Missing, strings.Repeat("n", 300)+string(rune('a'+i%26)))
	}
	if got := StatusOf(&Source{Mode: On}, &targets, nil, 2000); len(got.Text) > maxStatus+200 || len(got.Problems) > 0 {
		t.Errorf("a status of %d bytes, and %d events", len(got.Text), len(got.Problems))
	}
	if got := StatusOf(&Source{Mode: Stopped, Reason: strings.Repeat("x", 100_000)}, &targets, nil, 9); len(got.Text) > maxStatus+200 {
		t.Errorf("a status of %d bytes", len(got.Text))
	}
}

func TestAllProblemsOfAReasonAreOneEvent(t *testing.T) {
	targets, wrong := NewSelection(), map[string][]Problem{}
	targets.Requested["a"], targets.Requested["b"] = true, true
	wrong["a"] = []Problem{{Reason: "X", Text: "broken", Failed: true}}
	wrong["b"] = []Problem{{Reason: "X", Text: "gone", Failed: true}, {Reason: "Y", Text: "odd"}}
	got := StatusOf(&Source{Mode: On}, &targets, wrong, 9)
	if want := "0/2 synced: a: broken; b: gone; b: odd"; got.Text != want {
		t.Errorf("says %q, want %q", got.Text, want)
	}
	if len(got.Problems) != 2 || got.Problems[0].Text != "a: broken; b: gone" || got.Problems[1].Text != "b: odd" {
		t.Errorf("its events are %v", got.Problems)
	}
}
