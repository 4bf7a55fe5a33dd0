package transform

import (
	"reflect"
	"strings"
	"testing"
)

const password = `{apiVersion: v1, kind: Secret, type: Opaque, data: {password: c2VjcmV0, user: bWU=}}`

// What a rule is to take out goes out where the rule names another place: that is
// told, and whatever the rule sets is there all the same.
func TestARuleWhosePlaceIsNotThereIsAProblem(t *testing.T) {
	for rule, want := range map[string]string{
		`{path: data.pasword, delete: true}`:                       "there is nothing to delete",
		`{path: data.pasword, value: x}`:                           "it was added",
		`{path: data.pasword, template: x}`:                        "it was added",
		`{path: metadata.annotations.note, delete: true}`:          "there is nothing to delete",
		`{path: metadata.annotations.note, value: x}`:              "it was added",
		`{path: stringData.passwrd, value: x}`:                     "it was added",
		`{path: spec.a.b, merge: {c: d}}`:                          "it was added",
		`{path: data.password, delete: true}`:                      "",
		`{path: data.password, value: x}`:                          "",
		`{path: stringData.password, template: x}`:                 "",
		`{path: metadata.labels, merge: {a: b}}`:                   "",
		`{path: data.pasword, delete: true, optional: true}`:       "",
		`{path: data.pasword, value: x, optional: true}`:           "",
		`{path: data.pasword, template: x, optional: true}`:        "",
		`{path: spec.a.b, merge: {c: d}, optional: true}`:          "",
		`{path: data.pasword, delete: true, optional: false}`:      "there is nothing to delete",
		`{path: data.pasword, value: x, namespacePattern: "no-*"}`: "", // not this rule's namespace
	} {
		object := mustObject(t, password)
		object["metadata"] = map[string]any{"labels": map[string]any{}, "annotations": map[string]any{}}
		got, problems, err := mustParse(t, "rules: ["+rule+"]").Apply(object, appContext)
		switch {
		case err != nil:
			t.Errorf("%s: %v", rule, err)
		case want == "" && len(problems) > 0:
			t.Errorf("%s: problems %v", rule, problems)
		case want != "" && (len(problems) != 1 || !problems[0].Missing || !strings.Contains(problems[0].Reason, want)):
			t.Errorf("%s: problems %v, want one with %q", rule, problems, want)
		case strings.Contains(want, "delete") && !reflect.DeepEqual(got, object):
			t.Errorf("%s: changed to %s", rule, asJSON(got))
		case strings.Contains(want, "added") && reflect.DeepEqual(got, object):
			t.Errorf("%s: nothing was added", rule)
		}
	}
}

func TestAnOptionalRuleIsReadStrictly(t *testing.T) {
	for _, rule := range []string{`{path: a.b, delete: true, optional: "true"}`, `{path: a.b, delete: true, optional: 1}`, `{path: a.b, delete: true, optional: }`} {
		if _, err := Parse("rules: ["+rule+"]", Limits{}); err == nil || !strings.Contains(err.Error(), "optional takes true or false") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// Paths in the form of other tools name a place that no object has.
func TestPathsInAnotherFormAreRefused(t *testing.T) {
	for _, path := range []string{
		"/data/password", "$.data.password", "$data.password", ".data.password", "{.data.password}", "data. password", "data .password",
		" data.password", "data.password ", "data\u00a0.password", "data.pass word", "$['data']", "//data", "data.$password",
	} {
		text := `{rules: [{path: "` + path + `", delete: true}]}`
		rules, err := Parse(text, Limits{})
		if err == nil {
			err = rules.Check(mustObject(t, password))
		}
		if err == nil {
			t.Errorf("%q was read", path)
		}
	}
	for _, path := range []string{`data[\"my key\"]`, `data[\"$ref\"]`, `metadata.annotations[\"a.b/c\"]`, `data.a/b`} {
		if _, err := Parse(`{rules: [{path: "`+path+`", delete: true}]}`, Limits{}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAPathStartsWithAFieldThatTheKindHas(t *testing.T) {
	for _, row := range []struct{ object, path, want string }{
		{password, "Data.password", `a Secret has no field "Data"`},
		{password, "spec.data.password", `a Secret has no field "spec"`},
		{password, "dat.password", `a Secret has no field "dat"`},
		{password, "binaryData.x", `a Secret has no field "binaryData"`},
		{password, "data.other", ""},
		{password, "stringData.other", ""},
		{password, "immutable", ""},
		{`{apiVersion: v1, kind: ConfigMap}`, "data.x", ""},
		{`{apiVersion: v1, kind: ConfigMap}`, "stringData.x", `a ConfigMap has no field "stringData"`},
		{`{apiVersion: apps/v1, kind: Deployment, spec: {}}`, "spec.replicas", ""},
		{`{apiVersion: apps/v1, kind: Deployment, spec: {}}`, "template.spec", `this Deployment has no field "template"`},
		{`{apiVersion: example.com/v1, kind: Secret, config: {}}`, "config.x", ""},
		{`{apiVersion: example.com/v1, kind: Widget, config: {}}`, "configs.x", `this Widget has no field "configs"`},
		{`{apiVersion: example.com/v1, kind: Widget}`, "spec.x", ""},
		{`{apiVersion: v1, kind: Widget}`, "metadata.labels.x", ""},
	} {
		rules := mustParse(t, "rules: [{path: "+row.path+", value: v}]")
		err := rules.Check(mustObject(t, row.object))
		if (row.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s in %s: %v, want %q", row.path, row.object, err, row.want)
		}
	}
	optional := mustParse(t, "rules: [{path: configs.x, value: v, optional: true}]")
	if err := optional.Check(mustObject(t, `{apiVersion: example.com/v1, kind: Widget}`)); err != nil {
		t.Error(err)
	}
}

func TestBinaryDataTakesBase64(t *testing.T) {
	object := `{apiVersion: v1, kind: ConfigMap, binaryData: {a: AAEC}}`
	for rule, fails := range map[string]bool{
		`{path: binaryData.a, value: plain text}`:          true,
		`{path: binaryData.a, template: "äöü"}`:            true,
		`{path: binaryData, value: {a: "plain text"}}`:     true,
		`{path: binaryData, merge: {a: 1}}`:                true,
		`{path: binaryData.a.b, value: AAEC}`:              true,
		`{path: binaryData.a, value: AAED}`:                false,
		`{path: binaryData.a, template: '{{b64enc "x"}}'}`: false,
		`{path: binaryData.a, delete: true}`:               false,
		`{path: binaryData, merge: {b: AAED}}`:             false,
	} {
		got, problems, err := mustParse(t, "rules: ["+rule+"]").Apply(mustObject(t, object), appContext)
		if err != nil || fails != (len(problems) == 1) || fails && !reflect.DeepEqual(got, mustObject(t, object)) {
			t.Errorf("%s: got %s, %v, %v", rule, asJSON(got), problems, err)
		}
		if fails && strings.Contains(problems[0].Reason, "plain text") {
			t.Errorf("%s: the problem quotes the value: %s", rule, problems[0].Reason)
		}
	}
}
