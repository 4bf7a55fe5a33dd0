package transform

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
)

func mustKeep(t testing.TB, items ...string) *keepList {
	t.Helper()
	n, err := parseYAML("[" + strings.Join(items, ", ") + "]")
	if err != nil {
		t.Fatal(err)
	}
	l, err := keepListOf(n)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const certificate = `{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {labels: {team: blue, app.kubernetes.io/name: shop}, annotations: {}}, data: {ca.crt: Y2E=, tls.crt: Y3J0, tls.key: a2V5}}`

func TestOnlyTheKeysThatAreKeptStay(t *testing.T) {
	for rules, want := range map[string]string{
		`{path: data, keep: [ca.crt]}`:                                                `{data: {ca.crt: Y2E=}}`,
		`{path: stringData, keep: [ca.crt]}`:                                          `{data: {ca.crt: Y2E=}}`,
		`{path: data, keep: ["*.crt"]}`:                                               `{data: {ca.crt: Y2E=, tls.crt: Y3J0}}`,
		`{path: data, keep: ["tls.???", ca.crt]}`:                                     `{data: {ca.crt: Y2E=, tls.crt: Y3J0, tls.key: a2V5}}`,
		`{path: data, keep: ["no*"]}`:                                                 `{data: {}}`,
		`{path: data, keep: [ca.crt, none], optional: true}`:                          `{data: {ca.crt: Y2E=}}`,
		`{path: data, keep: [ca.crt]}, {path: data.x, value: new, optional: true}`:    `{data: {ca.crt: Y2E=, x: bmV3}}`,
		`{path: data, keep: [ca.crt], namespacePattern: "dev-*"}`:                     `{data: {ca.crt: Y2E=, tls.crt: Y3J0, tls.key: a2V5}}`,
		`{path: metadata.labels, keep: [team]}`:                                       `{data: {ca.crt: Y2E=, tls.crt: Y3J0, tls.key: a2V5}, metadata: {labels: {team: blue}, annotations: {}}}`,
		`{path: metadata.labels, keep: ["app.kubernetes.io/*"]}`:                      `{data: {ca.crt: Y2E=, tls.crt: Y3J0, tls.key: a2V5}, metadata: {labels: {app.kubernetes.io/name: shop}, annotations: {}}}`,
		`{path: metadata.annotations, keep: ["x*"]}`:                                  `{}`,
		`{path: data, keep: [ca.crt]}, {path: data, keep: [tls.crt], optional: true}`: `{data: {}}`,
	} {
		object := mustObject(t, certificate)
		expected := asMap(t, copyOf(object))
		maps.Copy(expected, mustObject(t, want))
		before := copyOf(object)
		got, problems, err := mustParse(t, "rules: ["+rules+"]").Apply(object, appContext)
		if err != nil || len(problems) > 0 || !reflect.DeepEqual(got, expected) {
			t.Errorf("%s: got %s, %v, %v", rules, asJSON(got), problems, err)
		}
		if !reflect.DeepEqual(any(object), before) {
			t.Errorf("%s: the input was changed", rules)
		}
	}
}

// What a keep rule can't be applied to would go out whole: then nothing does.
func TestI10WhereKeepFailsThereIsNoOutcome(t *testing.T) {
	for rules, says := range map[string]string{
		`{path: spec, keep: [a]}`:                                           "there is nothing; check the path",
		`{path: spec.a.b, keep: [a]}`:                                       "there is nothing; check the path",
		`{path: type, keep: [a]}`:                                           "there is something else",
		`{path: type, keep: [a], optional: true}`:                           "there is something else",
		`{path: type.a, keep: [a], optional: true}`:                         "nothing can be below it",
		`{path: data, keep: [ca.crt]}, {path: type, keep: [a]}`:             "rule 2 (type)",
		`{path: type, keep: [a]}, {path: data.x, value: y, optional: true}`: "rule 1 (type)",
	} {
		got, problems, err := mustParse(t, "rules: ["+rules+"]").Apply(mustObject(t, certificate), appContext)
		if err != nil || got != nil || len(problems) != 1 || !problems[0].Withholds || !strings.Contains(problems[0].String(), says) {
			t.Errorf("%s: got %v, %v, %v, want a problem with %q", rules, got, problems, err, says)
		}
	}
	got, problems, err := mustParse(t, `rules: [{path: spec, keep: [a], optional: true}]`).Apply(mustObject(t, certificate), appContext)
	if err != nil || len(problems) > 0 || !reflect.DeepEqual(got, mustObject(t, certificate)) {
		t.Errorf("what need not be there: %v, %v, %v", got, problems, err)
	}
}

func TestANameThatIsNotThereToKeepIsTold(t *testing.T) {
	got, problems, err := mustParse(t, `rules: [{path: data, keep: [ca.crt, ca.cert]}]`).Apply(mustObject(t, certificate), appContext)
	if err != nil || len(problems) != 1 || !problems[0].Missing || problems[0].Withholds || !strings.Contains(problems[0].Reason, `no key "ca.cert"`) {
		t.Fatalf("%v, %v", problems, err)
	}
	if data := decoded(t, got); !reflect.DeepEqual(data, map[string]string{"ca.crt": "ca"}) {
		t.Errorf("data is %q", data)
	}
}

func TestAKeepListIsReadStrictly(t *testing.T) {
	for rule, says := range map[string]string{
		`{path: data, keep: []}`:                                           "of one at least",
		`{path: data, keep: }`:                                             "of one at least",
		`{path: data, keep: ca.crt}`:                                       "of one at least",
		`{path: data, keep: "a,b"}`:                                        "of one at least",
		`{path: data, keep: {a: b}}`:                                       "of one at least",
		`{path: data, keep: [1]}`:                                          "expected text",
		`{path: data, keep: [hunter2, ""]}`:                                "no name or glob",
		`{path: data, keep: ["!hunter2"]}`:                                 "no name or glob",
		`{path: data, keep: ["hunter2[ab]"]}`:                              "no name or glob",
		`{path: data, keep: ["{hunter2,b}"]}`:                              "no name or glob",
		`{path: data, keep: ["hunter2, b"]}`:                               "no name or glob",
		`{path: data, keep: ["^hunter2$"]}`:                                "no name or glob",
		`{path: data, keep: ["` + strings.Repeat("a", 318) + `"]}`:         "no name or glob",
		`{path: data, keep: [a], delete: true}`:                            "exactly one",
		`{path: data, keep: [a], keep: [b]}`:                               "twice",
		`{path: metadata, keep: [labels]}`:                                 "of metadata",
		`{path: metadata.finalizers, keep: [a]}`:                           "of metadata",
		`{path: metadata.labels.x, keep: [a]}`:                             "hold text",
		`{path: metadata.labels, keep: [kubemirror.raczylo.com/enabled]}`:  "can't be touched",
		`{path: metadata.annotations, keep: ["kubemirror.raczylo.com/*"]}`: "can't be touched",
		`{path: status, keep: [a]}`:                                        "can't be touched",
		`{path: kind, keep: [a]}`:                                          "can't be touched",
		`{path: data, keep: [a], move: true}`:                              "move goes together with from",
	} {
		_, err := Parse("rules: ["+rule+"]", Limits{})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", rule, err, says)
		}
	}
}

// A key of KubeMirror's stays where only others are named.
func TestKeepLeavesKubeMirrorsOwnKeys(t *testing.T) {
	object := mustObject(t, `{metadata: {labels: {kubemirror.raczylo.com/enabled: "true", a: b, c: d}}}`)
	got, _, err := mustParse(t, `rules: [{path: metadata.labels, keep: [a]}]`).Apply(object, appContext)
	if want := mustObject(t, `{metadata: {labels: {kubemirror.raczylo.com/enabled: "true", a: b}}}`); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, %v", asJSON(got), err)
	}
}

func TestKeepsTellsWhetherTheKeysThatGoOutAreBounded(t *testing.T) {
	for rules, want := range map[string]bool{
		``:                                      false,
		`{path: data, keep: [ca.crt]}`:          true,
		`{path: stringData, keep: [ca.crt]}`:    true,
		`{path: data, keep: [ca.crt, "*.pem"]}`: true,
		`{path: data, keep: [ca.crt], optional: true}`:                                                           true,
		`{path: data, keep: ["*"]}`:                                                                              false,
		`{path: data, keep: [ca.crt, "?*"]}`:                                                                     false,
		`{path: data, keep: ["*"]}, {path: data, keep: [a]}`:                                                     true,
		`{path: data, keep: [a]}, {path: data, keep: ["*"]}`:                                                     true,
		`{path: data, keep: [ca.crt], namespacePattern: "dev-*"}`:                                                false,
		`{path: data, keep: [ca.crt], namespacePattern: "*"}`:                                                    true,
		`{path: binaryData, keep: [ca.crt]}`:                                                                     false,
		`{path: data.a, keep: [ca.crt]}`:                                                                         false,
		`{path: data.a, delete: true}`:                                                                           false,
		`{path: data, keep: [a]}, {path: data.b, from: metadata.annotations.x}`:                                  true,
		`{path: data, keep: [a]}, {path: data, from: binaryData}`:                                                false,
		`{path: data, keep: [a]}, {path: stringData, from: spec}`:                                                false,
		`{path: data, keep: [a]}, {path: data, from: binaryData}, {path: data, keep: [a]}`:                       true,
		`{path: data, keep: [a]}, {path: data, from: binaryData, namespacePattern: x}`:                           false,
		`{path: data, from: binaryData}, {path: data, keep: [a]}`:                                                true,
		`{path: data, keep: [a]}, {path: data, merge: {b: c}}, {path: data.d, template: x}, {path: e, value: f}`: true,
	} {
		if got := mustParse(t, "rules: ["+rules+"]").Keeps(mustObject(t, certificate), "data"); got != want {
			t.Errorf("%s: got %v", rules, got)
		}
	}
	if mustParse(t, `rules: [{path: data, keep: [a]}]`).Keeps(mustObject(t, certificate), "da..ta") {
		t.Error("a path that can't be read is bounded")
	}
}

// Only in a Secret does a rule for stringData bound data.
func TestKeepsGoesByWhatTheObjectIs(t *testing.T) {
	for object, inStringData := range map[string]bool{
		`{apiVersion: v1, kind: Secret}`:             true,
		`{apiVersion: v1, kind: ConfigMap}`:          false,
		`{apiVersion: v1, kind: Secrezylo.t}`:        false,
		`{apiVersion: example.com/v1, kind: Secret}`: false,
		`{}`: false,
	} {
		for rules, want := range map[string]bool{
			`{path: data, keep: [a]}`:                                 true,
			`{path: stringData, keep: [a], optional: true}`:           inStringData,
			`{path: data, keep: [a]}, {path: stringData, from: spec}`: !inStringData,
		} {
			if got := mustParse(t, "rules: ["+rules+"]").Keeps(mustObject(t, object), "data"); got != want {
				t.Errorf("%s of %s: got %v", rules, object, got)
			}
		}
	}
}

// Many globs on many keys stay within the time limit, and nothing goes out beyond it.
func TestKeepIsBounded(t *testing.T) {
	data := map[string]any{}
	for i := range 50_000 {
		data[fmt.Sprintf("%s-%d", strings.Repeat("a", 20), i)] = "x"
	}
	object := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": data}
	items := make([]string, 0, 400)
	for i := range 400 {
		items = append(items, fmt.Sprintf(`"*a*a*b%d*"`, i))
	}
	r := mustParse(t, `rules: [{path: data, keep: [`+strings.Join(items, ", ")+`]}]`)
	r.now = frozen
	got, problems, err := r.Apply(object, appContext)
	if err != nil || got != nil || len(problems) != 1 || !strings.Contains(problems[0].Reason, "time limit") {
		t.Errorf("%d keys, %v, %v", len(got), problems, err)
	}
	names := mustParse(t, `rules: [{path: data, keep: [aaaaaaaaaaaaaaaaaaaa-1]}]`)
	names.now = frozen
	if got, problems, err = names.Apply(object, appContext); err != nil || len(problems) > 0 || len(asMap(t, got["data"])) != 1 {
		t.Errorf("names alone: %v, %v", problems, err)
	}
}
