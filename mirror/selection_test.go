package mirror

import (
	"strings"
	"testing"
)

func TestChoiceUnderTheLimit(t *testing.T) {
	record := []*Record{{}}
	for _, row := range []struct {
		it, asked string
		limit     int
		before    string // what was chosen before
		has       string // where there are mirrors
		want      string
	}{
		{it: "takes all where they fit", asked: "c b a", limit: 3, want: "a b c"},
		{it: "takes the first by name", asked: "c b a", limit: 2, want: "a b"},
		{it: "takes those first that have a mirror", asked: "a b c", limit: 2, has: "c", want: "a c"},
		{it: "keeps its choice when a mirror is lost", asked: "a b c", limit: 1, before: "b", want: "b"},
		{it: "keeps its choice when a namespace comes", asked: "a b c d", limit: 2, before: "c d", want: "c d"},
		{it: "fills up when a chosen namespace goes", asked: "a b d", limit: 2, before: "c d", want: "a d"},
		{it: "takes none for a limit of none", asked: "a", limit: 0, want: ""},
	} {
		t.Run(row.it, func(t *testing.T) {
			st := NewSelection()
			for ns := range strings.FieldsSeq(row.asked) {
				st.Requested[ns] = true
			}
			if row.before != "" {
				st.Selected = map[string]bool{}
				for ns := range strings.FieldsSeq(row.before) {
					st.Selected[ns] = true
				}
			}
			has := map[string][]*Record{}
			for ns := range strings.FieldsSeq(row.has) {
				has[ns] = record
			}
			if got := strings.Join(st.Targets(row.limit, has), " "); got != row.want {
				t.Errorf("chose %q, want %q", got, row.want)
			}
			for ns := range strings.FieldsSeq(row.asked) {
				if got, want := st.Wants(ns, row.limit, has), strings.Contains(" "+row.want+" ", " "+ns+" "); got != want {
					t.Errorf("wants %s: %v, want %v", ns, got, want)
				}
			}
		})
	}
}

func TestAChoiceIsForgottenWhereThereIsNoneToMake(t *testing.T) {
	st := NewSelection()
	ask := func(names ...string) {
		st.Requested = map[string]bool{}
		for _, name := range names {
			st.Requested[name] = true
		}
	}
	ask("a", "b", "c")
	st.Targets(2, nil) // a and b
	ask("a", "c")
	st.Targets(2, nil)
	ask("a", "b", "c") // b is back; a and c have mirrors now
	if got := strings.Join(st.Targets(2, map[string][]*Record{"a": {{}}, "c": {{}}}), " "); got != "a c" {
		t.Errorf("chose %q: a mirror moves for one that was not there", got)
	}
}
