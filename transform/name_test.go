package transform

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	for what, row := range map[string]struct{ text, want string }{
		"a plain name":                  {"app-copy", "app-copy"},
		"a plain name with dots":        {"app.v2", "app.v2"},
		"spaces around a plain name":    {" app-copy\n", "app-copy"},
		"a template of the namespace":   {"{{.TargetNamespace}}-app", "prod-eu-app"},
		"a template of the source":      {"{{.SourceNamespace}}.{{.SourceName}}", "default.app"},
		"a template of a label":         {"app-{{default \"none\" .Labels.team}}", "app-blue"},
		"spaces around what it gives":   {"{{if true}} a {{end}}", "a"},
		"a template cut to what fits":   {`{{slice .TargetNamespace 0 4}}`, "prod"},
		"a template in functions' care": {`{{lower "APP"}}`, "app"},
	} {
		t.Run(what, func(t *testing.T) {
			n, err := ParseName(row.text, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := n.Render(appContext); err != nil || got != row.want {
				t.Fatalf("got %q, %v, want %q", got, err, row.want)
			}
		})
	}
}

func TestNameThatIsRefused(t *testing.T) {
	for what, text := range map[string]string{
		"nothing":                       "",
		"spaces only":                   "  ",
		"capital letters":               "App",
		"a slash":                       "a/b",
		"a hyphen at the end":           "app-",
		"254 letters":                   strings.Repeat("a", 254),
		"a template that can't be read": "{{.TargetNamespace",
		"a template of itself":          "{{.TargetName}}-x",
		"more text than the limit":      "{{/*" + strings.Repeat("x", 10<<10) + "*/}}a",
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := ParseName(text, Limits{}); err == nil {
				t.Fatal("it was accepted")
			}
		})
	}
}

func TestNameThatFails(t *testing.T) {
	for what, text := range map[string]string{
		"nothing comes out":     `{{if false}}a{{end}}`,
		"capital letters":       `{{upper .SourceName}}`,
		"a missing label":       `{{.Labels.none}}`,
		"254 letters come out":  `{{replace "` + strings.Repeat("x", 127) + `" "x" "aa"}}`,
		"a line break comes in": `a{{"\n"}}b`,
		"it runs on and on":     `{{$x := split "` + strings.Repeat("x", 500) + `" ""}}{{range $x}}{{range $x}}{{end}}{{end}}a`,
	} {
		t.Run(what, func(t *testing.T) {
			n, err := ParseName(text, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := n.Render(appContext); err == nil || got != "" {
				t.Fatalf("got %q, %v", got, err)
			}
		})
	}
	if _, err := (Name{}).Render(Context{}); err == nil {
		t.Fatal("the zero Name gave a name")
	}
}
