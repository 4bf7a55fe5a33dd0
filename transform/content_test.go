package transform

import (
	"fmt"
	"strings"
	"testing"
)

// secret stands wherever content can stand. It mustn't show in any error or
// problem (I8).
const secret = "hunter2"

func TestErrorsHoldNoContent(t *testing.T) {
	for what, text := range map[string]string{
		"YAML that breaks off":            "rules:\n- path: data.x\n  value: [hunter2",
		"YAML with an unknown escape":     `rules: [{path: data.x, value: "\hunter2"}]`,
		"YAML with an unknown anchor":     "rules: [{path: data.x, value: *hunter2}]",
		"YAML with a strange tag":         "rules: [{path: data.x, value: !hunter2 x}]",
		"YAML with a tag that fits not":   "rules: [{path: data.x, value: !!int hunter2}]",
		"YAML with tabs":                  "rules:\n\t- hunter2",
		"an unknown field":                "rules: [{path: data.x, hunter2: x}]",
		"an unknown field at the top":     "hunter2: 3",
		"a field twice":                   "rules: [{path: data.x, value: {hunter2: 1, hunter2: 2}}]",
		"a key that isn't plain":          "rules: [{path: data.x, value: {[hunter2]: 1}}]",
		"two actions":                     "rules: [{path: data.x, value: hunter2, template: hunter2}]",
		"a path that can't be read":       "rules: [{path: 'data[hunter2]', value: x}]",
		"delete of text":                  "rules: [{path: data.x, delete: hunter2}]",
		"merge of text":                   "rules: [{path: data.x, merge: hunter2}]",
		"a pattern":                       "rules: [{path: data.x, value: x, namespacePattern: 'hunter2[]'}]",
		"a label that isn't text":         "rules: [{path: metadata.labels.x, value: [hunter2]}]",
		"a protected key":                 `rules: [{path: metadata.labels, merge: {kubemirror.raczylo.com/x: hunter2}}]`,
		"an item of keep that is no glob": "rules: [{path: data, keep: ['hunter2[a]']}]",
		"keep of text":                    "rules: [{path: data, keep: hunter2}]",
		"an item of keep that isn't text": "rules: [{path: data, keep: [{hunter2: x}]}]",
		"move of text":                    "rules: [{path: data.x, from: data.y, move: hunter2}]",
		"an unfinished template":          "rules: [{path: data.x, template: '{{if hunter2'}]",
		"an unknown function":             "rules: [{path: data.x, template: '{{hunter2 1}}'}]",
		"an undeclared variable":          "rules: [{path: data.x, template: '{{$hunter2}}'}]",
		"a bad character":                 "rules: [{path: data.x, template: '{{.hunter2-x}}'}]",
		"a bad number":                    "rules: [{path: data.x, template: '{{1hunter2}}'}]",
		"an unfinished string":            "rules: [{path: data.x, template: '{{\"hunter2}}'}]",
		"a template of another":           "rules: [{path: data.x, template: '{{define \"hunter2\"}}{{end}}'}]",
	} {
		t.Run(what, func(t *testing.T) {
			_, err := Parse(text, Limits{})
			if err == nil {
				t.Fatal("it was accepted")
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
		})
	}
}

func TestProblemsHoldNoContent(t *testing.T) {
	ctx := Context{
		SourceName: secret, TargetNamespace: secret,
		Labels: map[string]string{"a": secret, "b": "9" + secret, "hunter2x": "?"}, Annotations: map[string]string{"a": secret},
	}
	source := mustObject(t, `{apiVersion: v1, kind: ConfigMap, data: {x: hunter2}, spec: {x: hunter2, list: [hunter2]}}`)
	texts := []string{
		`{{.Labels.a | b64dec}}`, `{{index .Labels .Annotations.a}}`, `{{printf .Labels.a 3}}`, `{{printf (print "%" .Labels.a) 3}}`,
		`{{required .Labels.a .Labels.none}}`, `{{eq .Labels.a 3}}`, `{{slice .Labels.a 99}}`, `{{range .Labels.a}}{{end}}`, `{{.Labels.a.hunter2}}`,
		`{{.Labels.hunter2}}`, `{{.hunter2}}`, `{{toJson .}}`, `{{.Labels}}`, `{{join .Labels.a .Labels.a}}`, `{{upper (split .Labels.a "")}}`, `{{len 3}}`,
		`{{b64dec "/w=="}}hunter2`, `{{$x := .Labels.a}}{{range split (replace "` + strings.Repeat("x", 999) + `" "x" $x) ""}}{{$x = print $x $x}}{{end}}`,
	}
	var rules strings.Builder
	rules.WriteString("rules:\n")
	for i, text := range texts {
		fmt.Fprintf(&rules, "- {path: data.k%d, template: %q}\n", i, text)
	}
	rest := []string{
		`{path: data.x.y, value: hunter2}`, `{path: data.x, value: [hunter2]}`, `{path: spec.x.y, value: hunter2}`, `{path: "spec.list[3]", value: hunter2}`,
		`{path: data.y, from: spec.list}`, `{path: data.b.y, from: data.x}`, `{path: binaryData.x, from: data.x}`, `{path: spec.x.y, from: data.x}`, `{path: data.none, from: data.no}`,
		`{path: spec.list, merge: {hunter2: hunter2}}`, `{path: spec.list.x, delete: true}`, `{path: data, merge: {hunter2: 3}}`,
	}
	rules.WriteString("- " + strings.Join(rest, "\n- "))
	_, problems, err := mustParse(t, rules.String()).Apply(source, ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(texts) + len(rest); len(problems) != want {
		t.Errorf("%d problems, want one for each of %d rules: %v", len(problems), want, problems)
	}
	for _, p := range problems {
		if strings.Contains(p.String(), secret) || strings.Contains(p.String(), "\n") {
			t.Errorf("%q", p)
		}
	}
	_, problems, err = mustParse(t, `rules: [{path: spec.x, keep: [a]}, {path: spec.list, keep: [a]}]`).Apply(source, ctx)
	if err != nil || len(problems) != 2 || strings.Contains(fmt.Sprint(problems), secret) {
		t.Errorf("%v, %v", problems, err)
	}
	n, err := ParseName("{{.SourceName}}/", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Render(ctx); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
}
