package mirror

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

func TestTargets(t *testing.T) {
	shop := &Namespace{Identity: Identity{Name: "app-shop"}, Labels: map[string]string{"team": "shop"}}
	open := &Namespace{Identity: Identity{Name: "lab"}, Labels: map[string]string{api.LabelAllowMirrors: "true"}}
	system := &Namespace{Identity: Identity{Name: "kube-system"}}
	all := []*Namespace{shop, open, system}

	for _, row := range []struct {
		it, list, selector string
		want               string // names, by blanks
		err                string // part of the error
	}{
		{it: "takes names", list: "lab,app-shop", want: "app-shop lab"},
		{it: "takes blanks around items and empty items", list: " lab , ,app-shop,", want: "app-shop lab"},
		{it: "takes globs", list: "app-*", want: "app-shop"},
		{it: "takes ? for one character", list: "la?", want: "lab"},
		{it: "doesn't take ? for none", list: "lab?", want: ""},
		{it: "takes all", list: "all", want: "app-shop lab kube-system"},
		{it: "takes all-labeled", list: "all-labeled", want: "lab"},
		{it: "takes a mixture", list: "all-labeled,app-*", want: "app-shop lab"},
		{it: "takes away what an exclusion matches", list: "all,!kube-*", want: "app-shop lab"},
		{it: "takes away wherever the exclusion stands", list: "!kube-*,all", want: "app-shop lab"},
		{it: "takes away labelled namespaces", list: "all,!all-labeled", want: "app-shop kube-system"},
		{it: "takes nothing for exclusions alone", list: "!kube-*", want: ""},
		{it: "takes nothing for nothing", list: "", want: ""},
		{it: "takes a selector alone", selector: "team=shop", want: "app-shop"},
		{it: "adds a selector to names", list: "lab", selector: "team in (shop, web)", want: "app-shop lab"},
		{it: "takes away from a selector too", list: "!app-*", selector: "team", want: ""},
		{it: "takes an empty selector for none", selector: " ", want: ""},
		{it: "refuses the whole for a bad item", list: "lab,App_1", err: `"App_1"`},
		{it: "refuses brackets, which no glob has here", list: "lab,app-[ab]", err: `'['`},
		{it: "refuses a semicolon between items", list: "lab;app", err: `';'`},
		{it: "refuses a blank between items", list: "lab app", err: `' '`},
		{it: "refuses curly quotes", list: "“lab”", err: `'“'`},
		{it: "refuses a keyword misspelt", list: "all-labelled", err: "did you mean all-labeled?"},
		{it: "refuses more than it can be held to", list: strings.Repeat("a", maxTargetsSize+1), err: "it has 8193 bytes; the most is 8192"},
		{it: "refuses more items than it can be held to", list: strings.Repeat("a,", maxTargetItems+1), err: "it has 502 items; the most is 500"},
		{it: "refuses the whole for a bad exclusion", list: "all,!Kube_System", err: `"Kube_System"`},
		{it: "refuses an exclusion of nothing", list: "all,!", err: "takes away nothing"},
		{it: "refuses a bad selector", list: "all", selector: "team in shop", err: api.AnnotationTargetSelector},
	} {
		t.Run(row.it, func(t *testing.T) {
			targets, err := ParseTargets(row.list, row.selector)
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Fatalf("error %v, want one with %q", err, row.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ns := range all {
				if targets.Match(ns) {
					got = append(got, ns.Name)
				}
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("matches %q, want %q", got, row.want)
			}
		})
	}
}

func TestNamespaceAdmits(t *testing.T) {
	patterns := func(list string) *pattern.List {
		p, err := pattern.Parse(list, pattern.InNamespaceName)
		if err != nil {
			t.Fatal(err)
		}
		return &p
	}
	for _, row := range []struct {
		it   string
		ns   Namespace
		want bool
	}{
		{"admits by default", Namespace{Identity: Identity{Name: "a"}}, true},
		{"never admits its own sources", Namespace{Identity: Identity{Name: "src"}}, false},
		{"admits nothing while it terminates", Namespace{Identity: Identity{Name: "a"}, Terminating: true}, false},
		{"admits nothing where it refuses mirrors", Namespace{Identity: Identity{Name: "a"}, Labels: map[string]string{api.LabelAllowMirrors: "false"}}, false},
		{"admits nothing where its word can't be read", Namespace{Identity: Identity{Name: "a"}, Unreadable: "x"}, false},
		{"admits whom allow-from names", Namespace{Identity: Identity{Name: "a"}, AllowFrom: patterns("x,s*")}, true},
		{"admits nobody else", Namespace{Identity: Identity{Name: "a"}, AllowFrom: patterns("x")}, false},
		{"admits nobody for an empty allow-from", Namespace{Identity: Identity{Name: "a"}, AllowFrom: patterns("")}, false},
	} {
		t.Run(row.it, func(t *testing.T) {
			if got := row.ns.Admits("src"); got != row.want {
				t.Errorf("admits: %v, want %v", got, row.want)
			}
		})
	}
}

func TestTheItemThatAsksForANamespaceAndTheOneThatTakesItAwayAreNamed(t *testing.T) {
	for _, row := range []struct{ list, selector, asks, takes string }{
		{"a", "", "a", ""},
		{"b, a*, a", "", "a*", ""},
		{"all-labeled,b", "", "all-labeled", ""},
		{"all,!a", "", "all", "!a"},
		{"! a?,b", "", "", ""},
		{"b", "tier=x", "tier=x", ""},
		{"!a", "tier=x", "tier=x", "!a"},
		{"b", "tier=y", "", ""},
		{"", "", "", ""},
	} {
		targets, err := ParseTargets(row.list, row.selector)
		if err != nil {
			t.Fatal(err)
		}
		ns := &Namespace{Identity: Identity{Name: "a"}, Labels: map[string]string{"tier": "x", api.LabelAllowMirrors: "true"}}
		asks, takes := targets.Explain(ns)
		if asks != row.asks || takes != row.takes {
			t.Errorf("%q and %q: %q asks and %q takes away, want %q and %q", row.list, row.selector, asks, takes, row.asks, row.takes)
		}
		if (asks != "" && takes == "") != targets.Match(ns) {
			t.Errorf("%q and %q: that isn't what Match says", row.list, row.selector)
		}
	}
}
