package transform

import (
	"fmt"
	"strings"
	"testing"
)

// mustParse reads rules that are right.
func mustParse(t testing.TB, text string) Rules {
	t.Helper()
	r, err := Parse(text, Limits{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return r
}

func TestParseRefuses(t *testing.T) {
	for what, row := range map[string]struct{ text, says string }{
		"no text at all":                     {"", "empty"},
		"nothing but a comment":              {"# rules: []", "empty"},
		"text that isn't YAML":               {"rules:\n- path: {", "not YAML"},
		"a template without quotes":          {"rules:\n- path: data.x\n  template: {{.TargetName}}-x", "from line 1 on"},
		"two documents":                      {"rules: []\n---\nrules: []", "more than one"},
		"a list at the top":                  {"- path: data.x\n  value: 1", "expected a map"},
		"no rules at the top":                {"{}", `list under "rules"`},
		"null for rules":                     {"rules:", `list under "rules"`},
		"a map for rules":                    {"rules: {path: data.x}", `list under "rules"`},
		"an unknown field at the top":        {"rules: []\nmode: strict", "line 2: unknown field"},
		"a rule that isn't a map":            {"rules: [3]", "rule 1: line 1: expected a map"},
		"an unknown field in a rule":         {"rules:\n- path: data.x\n  value: 1\n  when: now", "rule 1 (data.x): line 4: unknown field"},
		"a field that is there twice":        {"rules:\n- path: data.x\n  value: 1\n  value: 2", "line 4: the key is there twice"},
		"no path":                            {"rules: [{value: 1}]", "path is missing"},
		"a path that isn't text":             {"rules: [{path: 3, value: 1}]", "expected text"},
		"a path that can't be read":          {"rules: [{path: data..x, value: 1}]", "byte 5 of the path"},
		"no action":                          {"rules: [{path: data.x}]", "exactly one"},
		"two actions":                        {"rules: [{path: data.x, value: 1, delete: true}]", "exactly one"},
		"a null value beside another action": {"rules: [{path: data.x, value: null, template: y}]", "exactly one"},
		"delete: false alone":                {"rules: [{path: data.x, delete: false}]", "exactly one"},
		"delete with text":                   {"rules: [{path: data.x, delete: 'true'}]", "delete takes true"},
		"delete with null":                   {"rules: [{path: data.x, delete: }]", "delete takes true"},
		"merge with a scalar":                {"rules: [{path: data, merge: x}]", "merge takes a map"},
		"merge with null":                    {"rules: [{path: data, merge: }]", "merge takes a map"},
		"a template that isn't text":         {"rules: [{path: data.x, template: 3}]", "expected text"},
		"a template that can't be read":      {"rules:\n- path: data.x\n  template: |\n    a\n    {{.TargetName", "template can't be read: see its line 2"},
		"a pattern that isn't text":          {"rules: [{path: data.x, value: 1, namespacePattern: 3}]", "expected text"},
		"a pattern with brackets":            {"rules: [{path: data.x, value: 1, namespacePattern: 'prod-[ab]'}]", "namespacePattern holds"},
		"a pattern with braces":              {"rules: [{path: data.x, value: 1, namespacePattern: '{a,b}'}]", "namespacePattern holds"},
		"a pattern with a backslash":         {`rules: [{path: data.x, value: 1, namespacePattern: 'a\*'}]`, "namespacePattern holds"},
		"an alias":                           {"rules:\n- path: data.x\n  value: &a [1]\n- path: data.y\n  value: *a", "rule 2 (data.y): line 5: aliases"},
		"an alias for a whole rule":          {"rules:\n- &a {path: data.x, value: 1}\n- *a", "line 3: expected a map"},
		"a merge key":                        {"rules:\n- path: data\n  merge: {<<: {a: 1}}", "<< are not supported"},
		"a number beyond JSON":               {"rules: [{path: data.x, value: .inf}]", "number"},
		"a whole number beyond 64 bits":      {"rules: [{path: spec.x, value: 18446744073709551615}]", "put it in quotes"},
		"a tag of its own":                   {"rules: [{path: spec.x, value: !thing 3}]", "put it in quotes"},
		"more rules than the limit":          {"rules:\n" + strings.Repeat("- {path: a, value: 1}\n", 51), "there are 51 and the limit is 50"},
		"more text than the limit":           {"rules: []\n#" + strings.Repeat("x", 10<<10), "the limit is 10240"},
	} {
		t.Run(what, func(t *testing.T) {
			r, err := Parse(row.text, Limits{})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("got %v, want an error that says %q", err, row.says)
			}
			if len(r.rules) > 0 {
				t.Fatal("some rules were kept: the set is refused as a whole")
			}
		})
	}
}

func TestParseKeepsLimitsThatAreGiven(t *testing.T) {
	three := "rules: [{path: a, value: 1}, {path: b, value: 1}, {path: c, value: 1}]"
	if _, err := Parse(three, Limits{MaxRules: 2}); err == nil {
		t.Error("three rules passed a limit of two")
	}
	if _, err := Parse(three, Limits{MaxSize: len(three) - 1}); err == nil {
		t.Error("the text passed a limit below its size")
	}
	if _, err := Parse(three, Limits{MaxRules: 3, MaxSize: len(three)}); err != nil {
		t.Errorf("limits that just fit: %v", err)
	}
}

// A protected place is out of reach by every way there.
func TestParseRefusesProtected(t *testing.T) {
	const d = `"kubemirror.raczylo.com/mirror"`
	rows := map[string]string{
		"merge into metadata a name":                   `{path: metadata, merge: {name: x}}`,
		"merge into metadata finalizers":               `{path: metadata, merge: {finalizers: []}}`,
		"merge into metadata a label of KubeMirror":    `{path: metadata, merge: {labels: {` + d + `: "false"}}}`,
		"merge into metadata null for labels":          `{path: metadata, merge: {labels: null}}`,
		"merge into metadata a list for labels":        `{path: metadata, merge: {labels: [a]}}`,
		"merge into metadata a number for a label":     `{path: metadata, merge: {labels: {a: 1}}}`,
		"merge into labels one of KubeMirror":          `{path: metadata.labels, merge: {` + d + `: "false"}}`,
		"merge into annotations one of KubeMirror":     `{path: metadata.annotations, merge: {` + d + `: "x"}}`,
		"merge into labels a map":                      `{path: metadata.labels, merge: {a: {b: c}}}`,
		"merge into labels null":                       `{path: metadata.labels, merge: {a: null}}`,
		"merge into one label":                         `{path: metadata.labels.a, merge: {b: c}}`,
		"put a number into a label":                    `{path: metadata.labels.a, value: 3}`,
		"put something below a label":                  `{path: metadata.labels.a.b, value: c}`,
		"take an element of labels":                    `{path: "metadata.labels[0]", value: c}`,
		"take an element of metadata":                  `{path: "metadata[0]", delete: true}`,
		"an annotation key whose dots have no quotes":  `{path: metadata.annotations.example.com/team, delete: true}`,
		"a value elsewhere that holds such a key":      `{path: spec.template, value: {metadata: {labels: {` + d + `: "x"}}}}`,
		"a list elsewhere that holds such a key":       `{path: spec.list, value: [{` + d + `: "x"}]}`,
		"a merge elsewhere that holds such a key":      `{path: spec, merge: {a: [{` + d + `: "x"}]}}`,
		"a path elsewhere that names such a key":       `{path: 'spec.labels[` + d + `]', delete: true}`,
		"the name through an escape":                   `{path: 'metadata.na\me', value: x}`,
		"the name through quotes":                      `{path: '["metadata"]["name"]', value: x}`,
		"a label of KubeMirror through escapes":        `{path: 'metadata.labels.kubemirror\.raczylo\.com/enabled', delete: true}`,
		"a label of KubeMirror through another prefix": `{path: 'metadata.labels["kubemirror.raczylo.com/anything"]', template: x}`,
	}
	for _, place := range []string{
		"apiVersion", "kind", "status", "status.phase", "metadata", "metadata.name", "metadata.namespace", "metadata.uid",
		"metadata.finalizers", "metadata.finalizers[0]", "metadata.ownerReferences", "metadata.ownerReferences[-1].uid",
		"metadata.generateName", "metadata.resourceVersion", "metadata.managedFields", "metadata.labels", "metadata.annotations",
		`metadata.labels["kubemirror.raczylo.com/enabled"]`, `metadata.annotations["kubemirror.raczylo.com/sync"]`,
	} {
		rows["value at "+place] = fmt.Sprintf(`{path: '%s', value: x}`, place)
		rows["map at "+place] = fmt.Sprintf(`{path: '%s', value: {a: b}}`, place)
		rows["template at "+place] = fmt.Sprintf(`{path: '%s', template: x}`, place)
		rows["delete at "+place] = fmt.Sprintf(`{path: '%s', delete: true}`, place)
	}
	for _, place := range []string{"apiVersion", "kind", "status", "metadata.name", "metadata.namespace", "metadata.ownerReferences[0]"} {
		rows["merge at "+place] = fmt.Sprintf(`{path: '%s', merge: {a: b}}`, place)
	}
	for what, one := range rows {
		t.Run(what, func(t *testing.T) {
			if _, err := Parse("rules:\n- {path: data.fine, value: x}\n- "+one, Limits{}); err == nil {
				t.Fatalf("%s was accepted", one)
			} else if !strings.HasPrefix(err.Error(), "reading rule 2 (") {
				t.Fatalf("%v: doesn't name the rule and its path", err)
			}
		})
	}
}

func TestParseAcceptsBesideProtected(t *testing.T) {
	for what, one := range map[string]string{
		"a label":                              `{path: metadata.labels.team, value: a}`,
		"a label by template":                  `{path: metadata.labels.team, template: "{{.TargetName}}"}`,
		"a label to be deleted":                `{path: metadata.labels.team, delete: true}`,
		"an annotation with dots":              `{path: 'metadata.annotations["example.com/team"]', value: a}`,
		"labels to be merged":                  `{path: metadata.labels, merge: {team: a}}`,
		"labels and annotations at once":       `{path: metadata, merge: {labels: {team: a}, annotations: {}}}`,
		"names below spec":                     `{path: spec.metadata.name, value: a}`,
		"a kind below spec":                    `{path: spec.kind, value: a}`,
		"all data":                             `{path: data, delete: true}`,
		"a null":                               `{path: spec.x, value: null}`,
		"delete: false beside another action":  `{path: data.x, delete: false, value: a}`,
		"an empty pattern":                     `{path: data.x, value: a, namespacePattern: ""}`,
		"an empty template":                    `{path: data.x, template: ""}`,
		"an empty value":                       `{path: data.x, value: ""}`,
		"a key that only resembles KubeMirror": `{path: 'metadata.labels["kubemirror.raczylo.com.example/x"]', value: a}`,
	} {
		t.Run(what, func(t *testing.T) { mustParse(t, "rules: ["+one+"]") })
	}
	mustParse(t, "rules: []")
}

func TestDependsOnTarget(t *testing.T) {
	for what, row := range map[string]struct {
		rules string
		want  bool
	}{
		"no rules":                          {``, false},
		"values only":                       {`{path: a, value: x}, {path: b, delete: true}, {path: c, merge: {a: b}}`, false},
		"a template of the source":          {`{path: a, template: "{{.SourceName}}{{.SourceNamespace}}{{.Labels.a}}"}`, false},
		"a pattern":                         {`{path: a, value: x, namespacePattern: "prod-*"}`, true},
		"an empty pattern":                  {`{path: a, value: x, namespacePattern: ""}`, false},
		"a pattern that fits everything":    {`{path: a, value: x, namespacePattern: "*"}`, false},
		"the target's namespace":            {`{path: a, value: x}, {path: b, template: "{{.TargetNamespace}}"}`, true},
		"the mirror's name":                 {`{path: a, template: "{{.TargetName}}"}`, true},
		"the namespace from the top":        {`{path: a, template: "{{range .Labels}}{{$.TargetNamespace}}{{end}}"}`, true},
		"the namespace through a variable":  {`{path: a, template: "{{$x := $}}{{$x.TargetNamespace}}"}`, true},
		"the namespace through parentheses": {`{path: a, template: "{{(and true $).TargetNamespace}}"}`, true},
		"the namespace as an argument":      {`{path: a, template: "{{if eq \"a\" (upper .TargetNamespace)}}x{{end}}"}`, true},
		"a label of the namespace":          {`{path: a, template: "{{.TargetLabels.x}}"}`, true},
		"an annotation of the namespace":    {`{path: a, template: "{{with $}}{{index .TargetAnnotations \"x\"}}{{end}}"}`, true},
		"keys, and values from elsewhere":   {`{path: a, keep: [b]}, {path: a.c, from: a.b, move: true}`, false},
		"the namespace in an else":          {`{path: a, template: "{{if true}}{{else}}{{.TargetNamespace}}{{end}}"}`, true},
	} {
		t.Run(what, func(t *testing.T) {
			if got := mustParse(t, "rules: ["+row.rules+"]").DependsOnTarget(); got != row.want {
				t.Fatalf("got %v", got)
			}
		})
	}
}

func TestWhatOfTheNamespaceIsRead(t *testing.T) {
	for text, want := range map[string]TargetMetadata{
		`{{.TargetNamespace}}{{.Labels.TargetLabel}}`:              {},
		`{{.TargetLabels.x}}`:                                      {Labels: true},
		`{{index .TargetAnnotations "x"}}`:                         {Annotations: true},
		`{{range .TargetLabels}}{{.}}{{end}}`:                      {Labels: true},
		`{{$x := .}}{{$x.TargetAnnotations.y}}`:                    {Annotations: true},
		`{{if eq 1 2}}{{(and $).TargetLabels.x}}{{end}}`:           {Labels: true},
		`{{default .TargetLabels.x .TargetAnnotations.x}}`:         {Labels: true, Annotations: true},
		`{{with $.TargetAnnotations}}{{.x}}{{else}}none{{end}}`:    {Annotations: true},
		`{{toJson .TargetLabels}}{{len .TargetAnnotations | not}}`: {Labels: true, Annotations: true},
	} {
		rules := mustParse(t, fmt.Sprintf("rules: [{path: a, value: b}, {path: b, template: %q}]", text))
		name, err := ParseName(text, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if rules.Reads() != want || name.Reads() != want {
			t.Errorf("%s: rules %+v, name %+v, want %+v", text, rules.Reads(), name.Reads(), want)
		}
	}
	if (Rules{}).Reads() != (TargetMetadata{}) || (Name{}).Reads() != (TargetMetadata{}) {
		t.Error("nothing reads something")
	}
}
