package transform

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestAValueComesFromAnotherPath(t *testing.T) {
	const (
		aSecret = `{apiVersion: v1, kind: Secret, type: Opaque, metadata: {labels: {team: blue}, annotations: {note: words}}, data: {ca.crt: Y2E=, any: /w==}}`
		aMap    = `{apiVersion: v1, kind: ConfigMap, metadata: {labels: {team: blue}, annotations: {}}, data: {ca.crt: ca, b: c}, binaryData: {raw: /w==, text: Y2E=}}`
		aThing  = `{apiVersion: example.com/v1, kind: Thing, metadata: {labels: {team: blue}, annotations: {}}, spec: {a: {b: c}, list: [x, {k: v}], n: 1}}`
	)
	for _, row := range []struct{ object, rules, changes, problem string }{
		{aSecret, `{path: 'data["ca-bundle.crt"]', from: 'data["ca.crt"]'}`, `{data: {ca.crt: Y2E=, ca-bundle.crt: Y2E=, any: /w==}}`, ""},
		{aSecret, `{path: 'data["ca-bundle.crt"]', from: 'data["ca.crt"]', move: true}`, `{data: {ca-bundle.crt: Y2E=, any: /w==}}`, ""},
		{aSecret, `{path: 'stringData["ca-bundle.crt"]', from: 'stringData["ca.crt"]', move: true}`, `{data: {ca-bundle.crt: Y2E=, any: /w==}}`, ""},
		{aSecret, `{path: data.any, from: 'data["ca.crt"]'}`, `{data: {ca.crt: Y2E=, any: Y2E=}}`, ""},
		{aSecret, `{path: data.note, from: metadata.annotations.note}`, `{data: {ca.crt: Y2E=, any: /w==, note: d29yZHM=}}`, ""},
		{aSecret, `{path: metadata.annotations.ca, from: 'data["ca.crt"]'}`, `{metadata: {labels: {team: blue}, annotations: {note: words, ca: ca}}}`, ""},
		{aSecret, `{path: metadata.annotations.ca, from: data.any}`, `{}`, "not UTF-8 text"},
		{aSecret, `{path: data.note, from: metadata.annotations.none}`, `{}`, "there is nothing at metadata.annotations.none"},
		{aSecret, `{path: data.note, from: metadata.annotations.none, optional: true}`, `{}`, ""},
		{aSecret, `{path: data.labels, from: metadata.labels}`, `{}`, "text by plain keys"},
		{aSecret, `{path: data, from: metadata.labels}`, `{data: {team: Ymx1ZQ==}}`, ""},
		{aSecret, `{path: data, from: type}`, `{}`, "text by plain keys"},
		{aSecret, `{path: data.a.b, from: type}`, `{}`, "text by plain keys"},
		{aSecret, `{path: data.a, from: type, namespacePattern: "dev-*"}`, `{}`, ""},
		{aSecret, `{path: data.b, from: data.any, move: true}, {path: data.c, from: data.b}, {path: data.b, from: 'data["ca.crt"]'}`, `{data: {ca.crt: Y2E=, b: Y2E=, c: /w==}}`, ""},
		{aSecret, `{path: data, keep: [any]}, {path: data.x, from: 'data["ca.crt"]', optional: true}`, `{data: {any: /w==}}`, ""}, // it reads what the rules before have left

		{aMap, `{path: 'data["ca-bundle.crt"]', from: 'data["ca.crt"]'}`, `{data: {ca.crt: ca, ca-bundle.crt: ca, b: c}}`, ""},
		{aMap, `{path: binaryData.copy, from: binaryData.raw}`, `{binaryData: {raw: /w==, text: Y2E=, copy: /w==}}`, ""},
		{aMap, `{path: binaryData.copy, from: data.b}`, `{binaryData: {raw: /w==, text: Y2E=, copy: Yw==}}`, ""},
		{aMap, `{path: data.copy, from: binaryData.text}`, `{data: {ca.crt: ca, b: c, copy: ca}}`, ""},
		{aMap, `{path: data.copy, from: binaryData.raw}`, `{}`, "binaryData of a ConfigMap and data of a Secret hold any bytes"},
		{aMap, `{path: data.text, from: binaryData.text}`, `{}`, "the same key would be in data and in binaryData"},
		{aMap, `{path: data.text, from: binaryData.text, move: true}`, `{data: {ca.crt: ca, b: c, text: ca}, binaryData: {raw: /w==}}`, ""},
		{aMap, `{path: data.raw, from: data.b}`, `{}`, "the same key would be in data and in binaryData"},
		{aMap, `{path: data.raw, from: binaryData.text, move: true}`, `{}`, "the same key would be in data and in binaryData"},
		{aMap, `{path: binaryData, from: data}`, `{}`, "the same key would be in data and in binaryData"},
		{aMap, `{path: binaryData, from: data, move: true}`, `{data: ~, binaryData: {ca.crt: Y2E=, b: Yw==}}`, ""},
		{aMap, `{path: data, from: binaryData, move: true}`, `{}`, "not UTF-8 text"},
		{aMap, `{path: data, from: metadata.labels}`, `{data: {team: blue}}`, ""},
		{aMap, `{path: binaryData.a.b, from: data.b}`, `{}`, "binaryData holds base64"},
		{aMap, `{path: "binaryData[0]", from: data.b}`, `{}`, "binaryData holds base64"},
		{aMap, `{path: binaryData.a, from: data}`, `{}`, "binaryData holds base64"},
		{aMap, `{path: data.x, from: immutable}`, `{}`, "there is nothing at immutable"},

		{aThing, `{path: spec.copy, from: spec.a}`, `{spec: {a: {b: c}, list: [x, {k: v}], n: 1, copy: {b: c}}}`, ""},
		{aThing, `{path: spec.copy, from: spec.a}, {path: spec.a.b, value: z}, {path: spec.copy.d, value: e}`, `{spec: {a: {b: z}, list: [x, {k: v}], n: 1, copy: {b: c, d: e}}}`, ""},
		{aThing, `{path: spec.a.x, value: y}, {path: spec.copy, from: spec.a}, {path: spec.a.b, value: z}`, `{spec: {a: {b: z, x: y}, list: [x, {k: v}], n: 1, copy: {b: c, x: y}}}`, ""},
		{aThing, `{path: "spec.list[0]", from: "spec.list[-1].k"}`, `{spec: {a: {b: c}, list: [v, {k: v}], n: 1}}`, ""},
		{aThing, `{path: "spec.list[0]", from: "spec.list[-1]", move: true}`, `{spec: {a: {b: c}, list: [{k: v}], n: 1}}`, ""},
		{aThing, `{path: "spec.list[1].x", from: "spec.list[-1]"}`, `{}`, "the same place"},
		{aThing, `{path: spec.copy, from: "spec.list[5]"}`, `{}`, "from: spec.list has a length of 2"},
		{aThing, `{path: spec.n.x, from: spec.a}`, `{}`, "nothing can be below it"},
		{aThing, `{path: spec.copy, from: spec.none.b}`, `{}`, "there is nothing at spec.none.b"},
		{aThing, `{path: metadata.labels.x, from: spec.a}`, `{}`, "hold text"},
		{aThing, `{path: metadata.labels.x, from: spec.n}`, `{}`, "hold text"},
		{aThing, `{path: metadata.labels.x, from: spec.a.b}`, `{metadata: {labels: {team: blue, x: c}, annotations: {}}}`, ""},
		{aThing, `{path: metadata.labels.x, from: metadata.labels.team, move: true}`, `{metadata: {labels: {x: blue}, annotations: {}}}`, ""},
		{aThing, `{path: spec.labels, from: metadata.labels}`, `{spec: {a: {b: c}, list: [x, {k: v}], n: 1, labels: {team: blue}}}`, ""},
	} {
		object := mustObject(t, row.object)
		before, want := copyOf(object), asMap(t, copyOf(object))
		for key, v := range mustObject(t, row.changes) {
			if want[key] = v; v == nil {
				delete(want, key)
			}
		}
		r := mustParse(t, "rules: ["+row.rules+"]")
		got, problems, err := r.Apply(object, appContext)
		problems = failuresOf(problems, row.problem)
		if err != nil || !reflect.DeepEqual(got, want) || (row.problem == "") != (len(problems) == 0) {
			t.Errorf("%s: got %s, %v, %v, want a problem with %q", row.rules, asJSON(got), problems, err, row.problem)
		}
		if row.problem != "" && (len(problems) != 1 || !strings.Contains(problems[0].Reason, row.problem) || problems[0].Withholds) {
			t.Errorf("%s: %v, want a problem with %q", row.rules, problems, row.problem)
		}
		if !reflect.DeepEqual(any(object), before) {
			t.Errorf("%s: the input was changed", row.rules)
		}
		checkOneByOne(t, r, object, appContext, got, mustProblems(t, r, object))
	}
}

// failuresOf leaves out that a value or merge rule added something, where no problem is wanted.
func failuresOf(problems []Problem, want string) []Problem {
	if want != "" {
		return problems
	}
	var rest []Problem
	for _, p := range problems {
		if !strings.Contains(p.Reason, "it was added") {
			rest = append(rest, p)
		}
	}
	return rest
}

func mustProblems(t *testing.T, r Rules, object map[string]any) []Problem {
	t.Helper()
	_, problems, err := r.Apply(object, appContext)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func TestFromThatIsRefused(t *testing.T) {
	for rule, says := range map[string]string{
		`{path: data.a, from: data.a}`:                                                "same place",
		`{path: data.a, from: data}`:                                                  "same place",
		`{path: data, from: data.a}`:                                                  "same place",
		`{path: data.a, from: 'data["a"]', move: true}`:                               "same place",
		`{path: data.a, from: data..b}`:                                               "byte 5 of the path",
		`{path: data.a, from: }`:                                                      "expected text",
		`{path: data.a, from: [data.b]}`:                                              "expected text",
		`{path: data.a, from: $.data.b}`:                                              "segment at byte",
		`{path: data.a, from: data.b, value: x}`:                                      "exactly one",
		`{path: data.a, from: data.b, keep: [x]}`:                                     "exactly one",
		`{path: data.a, move: true}`:                                                  "exactly one",
		`{path: data.a, value: x, move: true}`:                                        "move goes together with from",
		`{path: data.a, from: data.b, move: "true"}`:                                  "move takes true or false",
		`{path: data.a, from: data.b, move: }`:                                        "move takes true or false",
		`{path: data.a, from: status.x}`:                                              "status can't be copied from",
		`{path: data.a, from: kind}`:                                                  "kind can't be copied from",
		`{path: data.a, from: metadata.name}`:                                         "only labels and annotations can be copied from",
		`{path: data.a, from: metadata}`:                                              "only labels and annotations can be copied from",
		`{path: data.a, from: metadata.labels, move: true}`:                           "key by key",
		`{path: data.a, from: 'metadata.annotations["kubemirror.raczylo.com/sync"]'}`: "can't be touched",
		`{path: metadata.labels, from: metadata.annotations}`:                         "of metadata",
		`{path: metadata.name, from: data.a}`:                                         "of metadata",
		`{path: 'metadata.labels["kubemirror.raczylo.com/x"]', from: data.a}`:         "can't be touched",
		`{path: status, from: data.a}`:                                                "can't be touched",
	} {
		if _, err := Parse("rules: ["+rule+"]", Limits{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", rule, err, says)
		}
	}
	for rule, says := range map[string]string{
		`{path: data.a, from: stringData.a}`: "same place",
		`{path: data.a, from: Data.b}`:       `a Secret has no field "Data"`,
		`{path: data.a, from: binaryData.b}`: `a Secret has no field "binaryData"`,
	} {
		if err := mustParse(t, "rules: ["+rule+"]").Check(mustObject(t, password)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", rule, err, says)
		}
	}
}

// Content that holds a key of KubeMirror's stays where it is.
func TestFromCarriesNoKeyOfKubeMirrors(t *testing.T) {
	object := mustObject(t, `{spec: {a: {labels: {kubemirror.raczylo.com/mirror: "true"}}}}`)
	got, problems, err := mustParse(t, `rules: [{path: spec.b, from: spec.a}]`).Apply(object, appContext)
	if err != nil || len(problems) != 1 || !reflect.DeepEqual(got, object) {
		t.Errorf("%v, %v, %v", got, problems, err)
	}
}

// Copies of copies would double with each rule.
func TestCopiesAreBounded(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("rules:\n")
	from := "spec.a"
	for i := range 24 {
		fmt.Fprintf(&rules, "- {path: spec.b%d.x, from: %s}\n- {path: spec.b%d.y, from: %s}\n", i, from, i, from)
		from = fmt.Sprintf("spec.b%d", i)
	}
	object := mustObject(t, `{apiVersion: example.com/v1, kind: Thing, spec: {a: {b: "0123456789"}}}`)
	got, problems, err := mustParse(t, rules.String()).Apply(object, appContext)
	if err != nil {
		t.Fatal(err)
	}
	if size := len(asJSON(got)); size > 16<<20 {
		t.Errorf("the outcome has %d MiB", size>>20)
	}
	if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Reason == errTooMuch.Error() }) {
		t.Errorf("problems %v", problems)
	}
}
