package pattern

import (
	"runtime"
	"strings"
	"testing"
)

func TestAListMatchesWhatOneOfItsItemsMatchesAsAWhole(t *testing.T) {
	for list, row := range map[string]struct{ fits, not string }{
		"":                       {"", "a"},
		" , ":                    {"", "a"},
		"*":                      {"a prod-eu default", ""},
		"default":                {"default", "default2 adefault"},
		" a, b ,,c":              {"a b c", "d ab"},
		"a,prod-*":               {"a prod-eu prod-", "prod b"},
		"preprod-*":              {"preprod-a preprod- preprod-a-b", "prod-a a-preprod-b preprod"},
		"*-staging":              {"a-staging -staging a-b-staging", "staging a-staging-b"},
		"ns-?":                   {"ns-1 ns-a", "ns- ns-12 ns"},
		"prod-*-v?":              {"prod-a-v1 prod--v2 prod-a-b-v3", "prod-a-v prod-v1 prod-a-v12"},
		"*a*b*":                  {"ab xaybz aab", "ba a b"},
		"**":                     {"a ab", ""},
		"?*":                     {"a ab", ""},
		"*-db-*-db-":             {"x-db-db--db-", "x-db-db"},
		strings.Repeat("*a", 30): {strings.Repeat("ba", 31), strings.Repeat("a", 29)},
	} {
		l, err := Parse(list, InNamespaceName)
		if err != nil {
			t.Fatal(err)
		}
		if l.Empty() != (strings.Trim(list, " ,") == "") {
			t.Errorf("%q is empty: %v", list, l.Empty())
		}
		for name := range strings.FieldsSeq(row.fits) {
			if !l.Match(name) {
				t.Errorf("%q doesn't fit %s", list, name)
			}
		}
		for name := range strings.FieldsSeq(row.not) {
			if l.Match(name) {
				t.Errorf("%q fits %s", list, name)
			}
		}
	}
}

func TestAnItemThatCanMatchNoNameIsAnErrorThatNamesIt(t *testing.T) {
	for _, list := range []string{"a,Kube", "a_b", "a[b]", "{a,b}", `a\*`, "a b", "a;b", "!a", "ä"} {
		if l, err := Parse(list, InNamespaceName); err == nil {
			t.Errorf("%q is taken", list)
		} else if !l.Empty() {
			t.Errorf("%q is taken in part", list)
		}
	}
	if _, err := Parse("a,Kube", InNamespaceName); err == nil || !strings.Contains(err.Error(), `"Kube"`) {
		t.Errorf("told as %v", err)
	}
}

func TestWhatIsNoNameOrGlobIsToldAsWhatItIs(t *testing.T) {
	const expression = "it looks like a regular expression: "
	for item, told := range map[string]string{
		"“team-a”":    "; these are typographic quotes: write it without any",
		"‘team-a":     "; these are typographic quotes: write it without any",
		"«team-a»":    "; these are typographic quotes: write it without any",
		`"team-a"`:    "; write it without quotes",
		"'team-a":     "; write it without quotes",
		"^team-.*$":   "; " + expression + "the glob is team-*",
		"team-.*":     "; " + expression + "the glob is team-*",
		".*":          "; " + expression + "the glob is *",
		".*-prod$":    "; " + expression + "the glob is *-prod",
		"^team-.+$":   "; " + expression + "the glob is team-?*",
		"^team-.$":    "; " + expression + "the glob is team-?",
		"^team-a$":    "; " + expression + "the glob is team-a",
		"^a*$":        "; " + expression + "write names, or globs where * stands for any characters and ? for one",
		"team-(a|b)":  "; " + expression + "write names, or globs where * stands for any characters and ? for one",
		"team-[0-9]+": "; " + expression + "write names, or globs where * stands for any characters and ? for one",
		`^team-\d$`:   "; " + expression + "write names, or globs where * stands for any characters and ? for one",
		"a|b":         "; " + expression + "write names, or globs where * stands for any characters and ? for one",
		"team-[ab]":   "; brackets mean nothing here: write each name, between commas",
		"{a":          "; brackets mean nothing here: write each name, between commas",
		"a b":         "; items are separated by commas",
		"a\nb":        "; items are separated by commas",
		"a;b":         "; items are separated by commas",
		"a，b":         "; items are separated by commas",
		"a\u00a0b":    "; items are separated by commas",
		"team.a":      "; a namespace has no full stop in its name",
		"Team-A":      "; a namespace's name is in lower case: write team-a",
		"ALL":         "; a namespace's name is in lower case: write all",
		"Team_A":      "; a namespace's name is in lower case",
		"team_a":      "",
		"t\u00e4m":    "",
		"${TEAM":      "; brackets mean nothing here: write each name, between commas",
		"Kube-*":      "; a namespace's name is in lower case: write kube-*",
	} {
		_, err := Parse(item, InNamespaceName)
		if err == nil {
			t.Errorf("%q is taken", item)
		} else if _, tail, _ := strings.Cut(err.Error(), "can't be in a name or glob: "); !strings.HasSuffix(tail, "'"+told) {
			t.Errorf("%q is told as %v", item, err)
		}
	}
	for item, told := range map[string]string{
		"^example.com/a":  `'^'; ` + expression,
		"Example.com/a b": "' '; items are separated by commas",
		"example.com/é":   "'é'",
	} {
		if _, err := Parse(item, InMetadataKey); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(told, expression)) || strings.Contains(err.Error(), "lower case") {
			t.Errorf("of keys, %q is told as %v", item, err)
		}
	}
	if _, err := Parse(strings.Repeat("team-a\n", 100), InNamespaceName); err == nil || len(err.Error()) > 100 || !strings.HasSuffix(err.Error(), "items are separated by commas") {
		t.Errorf("a long list of lines is told as %v", err)
	}
}

// What takes other matchers exponential time, or much memory.
func TestTheWorstGlobsAreBounded(t *testing.T) {
	for _, part := range []string{"*", "*a", "*?", "?", "?*a", "*ab", "a*"} {
		item := strings.Repeat(part, maxItem/len(part)-1) + "b"
		allocated := allocates(func() {
			l, err := Parse(item, InNamespaceName)
			if err != nil {
				t.Fatal(err)
			}
			for range 1000 {
				l.Match(strings.Repeat("a", 63))
			}
		})
		if allocated > 1<<20 {
			t.Errorf("%d times %q allocate %d KiB", maxItem/len(part), part, allocated>>10)
		}
	}
	if _, err := Parse(strings.Repeat("a", maxItem+1), InNamespaceName); err == nil {
		t.Error("an item that is longer than any name is taken")
	}
}

func allocates(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
