package transform

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// mustObject reads the content of an object from YAML.
func mustObject(t testing.TB, text string) map[string]any {
	t.Helper()
	n, err := parseYAML(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := valueOf(n)
	if err != nil {
		t.Fatal(err)
	}
	return asMap(t, v)
}

func asMap(t testing.TB, v any) map[string]any {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%T isn't a map", v)
	}
	return m
}

// copyOf returns a deep copy.
func copyOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, below := range v {
			c[key] = copyOf(below)
		}
		return c
	case []any:
		c := make([]any, 0, len(v))
		for _, below := range v {
			c = append(c, copyOf(below))
		}
		return c
	}
	return value
}

func asJSON(v any) string {
	text, _ := json.MarshalIndent(v, "", " ")
	return string(text)
}

var appContext = Context{
	TargetNamespace: "prod-eu", SourceNamespace: "default", SourceName: "app", TargetName: "app-copy",
	Labels:       map[string]string{"team": "blue", "app.kubernetes.io/name": "shop", "empty": ""},
	Annotations:  map[string]string{"owner": "ops", "ports": "80,443"},
	TargetLabels: map[string]string{"region": "eu", "example.com/tier": "gold"}, TargetAnnotations: map[string]string{"contact": "eu@example.com"},
}

// One row for each thing that rules do. The object is {a: {b: c}, list: [x, {k:
// v}], n: 1, null: null} and a label.
func TestApply(t *testing.T) {
	const object = `{metadata: {name: app, labels: {team: blue}}, a: {b: c}, list: [x, {k: v}], n: 1, nothing: null}`
	for what, row := range map[string]struct {
		rules   string
		changes string // top-level keys that differ afterwards; ~ for a key that is gone
		problem string // part of the one problem
	}{
		"a value replaces what is there":              {`{path: a.b, value: d}`, `{a: {b: d}}`, ""},
		"a value is added beside others":              {`{path: a.x, value: d}`, `{a: {b: c, x: d}}`, ""},
		"a value keeps a number":                      {`{path: a.b, value: 3}`, `{a: {b: 3}}`, ""},
		"a value keeps a fraction":                    {`{path: a.b, value: 0.5}`, `{a: {b: 0.5}}`, ""},
		"a value keeps an octal mode as kubectl does": {`{path: a.b, value: 0644}`, `{a: {b: 420}}`, ""},
		"a value keeps true":                          {`{path: a.b, value: true}`, `{a: {b: true}}`, ""},
		"a value keeps quoted digits as text":         {`{path: a.b, value: "3"}`, `{a: {b: "3"}}`, ""},
		"a value keeps a date as text":                {`{path: a.b, value: 2024-01-02}`, `{a: {b: "2024-01-02"}}`, ""},
		"a value keeps null":                          {`{path: a.b, value: null}`, `{a: {b: null}}`, ""},
		"a value may be a list":                       {`{path: a.b, value: [1, {x: y}]}`, `{a: {b: [1, {x: y}]}}`, ""},
		"a value may be a map":                        {`{path: a, value: {x: y}}`, `{a: {x: y}}`, ""},
		"a missing map on the way is made":            {`{path: p.q.r, value: d}`, `{p: {q: {r: d}}}`, ""},
		"null on the way counts as missing":           {`{path: nothing.q, value: d}`, `{nothing: {q: d}}`, ""},
		"an element is replaced":                      {`{path: "list[0]", value: z}`, `{list: [z, {k: v}]}`, ""},
		"the last element is replaced":                {`{path: "list[-1]", value: z}`, `{list: [x, z]}`, ""},
		"a key in an element is replaced":             {`{path: "list[1].k", value: z}`, `{list: [x, {k: z}]}`, ""},
		"a key in the last element is replaced":       {`{path: "list[-1].k", value: z}`, `{list: [x, {k: z}]}`, ""},
		"a template is rendered":                      {`{path: a.b, template: "{{.TargetNamespace}}-{{.SourceName}}"}`, `{a: {b: prod-eu-app}}`, ""},
		"a template's outcome stays text":             {`{path: a.b, template: "3"}`, `{a: {b: "3"}}`, ""},
		"a merge adds and replaces":                   {`{path: a, merge: {b: d, e: f}}`, `{a: {b: d, e: f}}`, ""},
		"a merge is deep":                             {`{path: metadata, merge: {labels: {env: prod}}}`, `{metadata: {name: app, labels: {team: blue, env: prod}}}`, ""},
		"a merge replaces a list":                     {`{path: p, merge: {list: [1]}}, {path: p, merge: {list: [2]}}`, `{p: {list: [2]}}`, ""},
		"a merge puts a map over a single value":      {`{path: a, merge: {b: {x: y}}}`, `{a: {b: {x: y}}}`, ""},
		"a merge puts a single value over a map":      {`{path: p, value: {q: {r: s}}}, {path: p, merge: {q: z}}`, `{p: {q: z}}`, ""},
		"a merge makes a missing map":                 {`{path: p.q, merge: {x: y}}`, `{p: {q: {x: y}}}`, ""},
		"a merge of nothing makes an empty map":       {`{path: p, merge: {}}`, `{p: {}}`, ""},
		"a merge into null makes a map":               {`{path: nothing, merge: {x: y}}`, `{nothing: {x: y}}`, ""},
		"a key is deleted":                            {`{path: a.b, delete: true}`, `{a: {}}`, ""},
		"a whole map is deleted":                      {`{path: a, delete: true}`, `{a: ~}`, ""},
		"an element is deleted and the others move":   {`{path: "list[0]", delete: true}`, `{list: [{k: v}]}`, ""},
		"the last element is deleted":                 {`{path: "list[-1]", delete: true}`, `{list: [x]}`, ""},
		"deleting what isn't there is fine":           {`{path: a.x, delete: true}`, `{}`, ""},
		"deleting below nothing makes nothing":        {`{path: p.q.r, delete: true}`, `{}`, ""},
		"rules run in order":                          {`{path: p, value: 1}, {path: p, delete: true}, {path: p, value: 2}`, `{p: 2}`, ""},
		"a rule sees what one before it made":         {`{path: p, value: [{x: 1}]}, {path: "p[0].x", value: 2}`, `{p: [{x: 2}]}`, ""},
		"deleting an element moves later rules":       {`{path: "list[1].k", value: w}, {path: "list[0]", delete: true}, {path: "list[0].k", value: u}`, `{list: [{k: u}]}`, ""},
		"a pattern that fits applies":                 {`{path: a.b, value: d, namespacePattern: "prod-*"}`, `{a: {b: d}}`, ""},
		"a pattern that doesn't fit doesn't":          {`{path: a.b, value: d, namespacePattern: "dev-*"}`, `{}`, ""},
		"a rule that doesn't apply can't fail":        {`{path: "list[9]", value: d, namespacePattern: "dev-*"}`, `{}`, ""},

		"a missing element names the path and the length":   {`{path: "list[2].x", value: d}`, `{}`, "list has a length of 2, so there is no [2]"},
		"a missing element from the end is told too":        {`{path: "list[-3]", value: d}`, `{}`, "list has a length of 2, so there is no [-3]"},
		"a missing element can't be deleted":                {`{path: "list[2]", delete: true}`, `{}`, "length of 2"},
		"a missing list has no elements":                    {`{path: "p.q[0].x", value: d}`, `{}`, "p.q has a length of 0"},
		"a map has no elements":                             {`{path: "a[0]", value: d}`, `{}`, "a is a map"},
		"a list has no keys":                                {`{path: list.x, value: d}`, `{}`, "list is a list"},
		"a single value has nothing below it":               {`{path: a.b.x, value: d}`, `{}`, "a.b is a single value"},
		"a number has nothing below it":                     {`{path: n.x.y, delete: true}`, `{}`, "n is a single value"},
		"a merge into a list fails":                         {`{path: list, merge: {x: y}}`, `{}`, "merge needs a map"},
		"a merge into a single value fails":                 {`{path: a.b, merge: {x: y}}`, `{}`, "merge needs a map"},
		"a template that fails leaves no path behind":       {`{path: p.q.r, template: "{{.Labels.none}}"}`, `{}`, "a key that isn't there"},
		"a missing element leaves no path behind":           {`{path: "p.q.r[0]", value: d}`, `{}`, "p.q.r has a length of 0"},
		"the others still run":                              {`{path: "list[5]", value: d}, {path: a.b, value: d}`, `{a: {b: d}}`, "length of 2"},
		"the problem has the rule's number":                 {`{path: a.b, value: d}, {path: "list[5]", value: d}`, `{a: {b: d}}`, "rule 2 (list[5])"},
		"a template that gives no text fails":               {`{path: a.b, template: '{{b64dec "/w=="}}'}`, `{}`, "not UTF-8"},
		"a template that loops fails and leaves the others": {`{path: a.b, template: '{{$x := split "` + strings.Repeat("a", 99) + `" ""}}{{range $x}}{{range $x}}{{range $x}}{{end}}{{end}}{{end}}'}, {path: a.c, value: d}`, `{a: {b: c, c: d}}`, "rule 1 (a.b): the template takes longer"},
	} {
		t.Run(what, func(t *testing.T) {
			source := mustObject(t, object)
			before := copyOf(source)
			want := asMap(t, copyOf(source))
			for key, v := range mustObject(t, row.changes) {
				if want[key] = v; v == nil {
					delete(want, key)
				}
			}
			got, problems, err := mustParse(t, "rules: ["+row.rules+"]").Apply(source, appContext)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(any(got), any(want)) {
				t.Errorf("got %s\nwant %s", asJSON(got), asJSON(want))
			}
			if !reflect.DeepEqual(any(source), before) {
				t.Errorf("the input was changed to %s", asJSON(source))
			}
			var told []string
			for _, p := range failures(problems) {
				told = append(told, p.String())
			}
			if text := strings.Join(told, "\n"); (row.problem == "") != (text == "") || !strings.Contains(text, row.problem) || len(told) > 1 {
				t.Errorf("problems %q, want one with %q", told, row.problem)
			}
		})
	}
}

func TestNamespacePatterns(t *testing.T) {
	for pattern, row := range map[string]struct{ fits, not string }{
		"":           {"a prod-eu default", ""},
		"*":          {"a prod-eu default", ""},
		"preprod-*":  {"preprod-a preprod- preprod-a-b", "prod-a a-preprod-b preprod"},
		"*-staging":  {"a-staging -staging a-b-staging", "staging a-staging-b"},
		"ns-?":       {"ns-1 ns-a", "ns- ns-12 ns"},
		"prod-*-v?":  {"prod-a-v1 prod--v2 prod-a-b-v3", "prod-a-v prod-v1 prod-a-v12"},
		"default":    {"default", "default2 adefault"},
		"*a*b*":      {"ab xaybz aab", "ba a b"},
		"**":         {"a ab", ""},
		"?*":         {"a ab", ""},
		"*-db-*-db-": {"x-db-db--db-", "x-db-db"},
	} {
		r := rule{pattern: pattern}
		for ns := range strings.FieldsSeq(row.fits) {
			if !r.isFor(ns) {
				t.Errorf("%q doesn't fit %s", pattern, ns)
			}
		}
		for ns := range strings.FieldsSeq(row.not) {
			if r.isFor(ns) {
				t.Errorf("%q fits %s", pattern, ns)
			}
		}
	}
}

func TestApplyWithoutRules(t *testing.T) {
	source := mustObject(t, `{kind: ConfigMap, apiVersion: v1, data: {a: b}}`)
	got, problems, err := Rules{}.Apply(source, Context{})
	if err != nil || problems != nil || !reflect.DeepEqual(got, source) {
		t.Fatalf("got %v, %v, %v", got, problems, err)
	}
	if _, _, err := (Rules{}).Apply(nil, Context{}); err == nil {
		t.Fatal("no object was taken for one")
	}
}

// Rules are read once and used for many objects at once; what one Apply gives
// must not show in the next.
func TestApplyLeavesRulesAsTheyWere(t *testing.T) {
	r := mustParse(t, `rules: [{path: p, value: {q: {r: 1}}}, {path: p.q.r, value: 2}, {path: p, merge: {m: {x: 1}}}, {path: p.m.x, template: "{{.TargetNamespace}}"}]`)
	first, _, _ := r.Apply(map[string]any{}, Context{TargetNamespace: "one"})
	text := asJSON(first)
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 100 {
				_, _, _ = r.Apply(map[string]any{}, Context{TargetNamespace: "two"})
			}
		}()
	}
	for range 4 {
		<-done
	}
	again, _, _ := r.Apply(map[string]any{}, Context{TargetNamespace: "one"})
	if asJSON(first) != text || asJSON(again) != text {
		t.Fatalf("first %s\nthen %s\nagain %s", text, asJSON(first), asJSON(again))
	}
}

// Each map is copied once for all rules, and then written to: many rules at
// once must still give what they give one by one, each on a copy of its own.
func TestManyRulesAreAsOneByOne(t *testing.T) {
	paths := []string{"a", "a.b", "a.b.c", "a.l", "a.l[0]", "a.l[-1]", "a.l[1].x", "a.l[-1].x.y", "a.l[0].l[0]", "n.m", "metadata.labels.x"}
	values := []any{"text", int64(3), nil, map[string]any{}, []any{}, map[string]any{"b": map[string]any{"c": "d"}, "l": []any{"p", map[string]any{"x": map[string]any{"y": "q"}}}},
		[]any{map[string]any{"l": []any{"r", "s"}}, "t"}, map[string]any{"x": map[string]any{"y": "z"}}}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same rules in every run
	for range 5000 {
		r := Rules{limits: Limits{}.withDefaults(), now: frozen}
		for range 2 + random.IntN(12) {
			one := rule{text: paths[random.IntN(len(paths))], action: setValue, value: values[random.IntN(len(values))]}
			one.path, _ = parsePath(one.text)
			_, isMap := one.value.(map[string]any)
			switch {
			case isMap && random.IntN(2) == 0:
				one.action = mergeMap
			case random.IntN(4) == 0:
				one.action, one.value = remove, nil
			case random.IntN(3) == 0:
				one.action, one.value, one.fromText, one.move = copyFrom, nil, paths[random.IntN(len(paths))], random.IntN(3) == 0
				one.from, _ = parsePath(one.fromText)
			case random.IntN(8) == 0:
				one.action, one.value, one.keep = keepKeys, nil, mustKeep(t, "b", "l", "x*")
			}
			r.rules = append(r.rules, one)
		}
		object := mustObject(t, `{a: {b: {c: d}, l: [x, {x: {y: z}, l: [u, v]}]}}`)
		before, rulesBefore := copyOf(object), asJSON(values)
		got, problems, _ := r.Apply(object, Context{})
		if !reflect.DeepEqual(any(object), before) || asJSON(values) != rulesBefore {
			t.Fatalf("the object or the rules were changed by %+v", r.rules)
		}
		checkOneByOne(t, r, object, Context{}, got, problems)
	}
}

// failures are the problems of rules that changed nothing: that something was
// missing is what missing_test.go is about.
func failures(problems []Problem) []Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool { return p.Missing })
}
