package transform

import (
	"strings"
	"testing"
	std "text/template"
	"time"
)

// render runs one template under the default limits.
func render(t testing.TB, text string, ctx Context) (string, error) {
	t.Helper()
	tmpl, err := compile(text)
	if err != nil {
		return "", err
	}
	return runWith(tmpl, Limits{}, ctx)
}

func runWith(tmpl *template, limits Limits, ctx Context) (string, error) {
	limits = limits.withDefaults()
	output := limits.MaxOutput
	return tmpl.run(&ctx, newAllowance(limits, time.Now, &output))
}

// Each function by example, in the argument order of the contract's variables.
func TestFunctions(t *testing.T) {
	for text, want := range map[string]string{
		`{{upper .SourceName}}`:                                                 "APP",
		`{{lower "APP"}}`:                                                       "app",
		`{{replace .TargetNamespace "-" "_"}}`:                                  "prod_eu",
		`{{replace "aa" "" "-"}}`:                                               "-a-a-",
		`{{trimPrefix .TargetNamespace "prod-"}}`:                               "eu",
		`{{trimSuffix .TargetNamespace "-eu"}}`:                                 "prod",
		`{{hasPrefix .TargetNamespace "prod-"}}`:                                "true",
		`{{hasSuffix .TargetNamespace "prod-"}}`:                                "false",
		`{{contains .TargetNamespace "d-e"}}`:                                   "true",
		`{{default "x" .Labels.team}}`:                                          "blue",
		`{{default "x" .Labels.none}}`:                                          "x",
		`{{default "x" .Labels.empty}}`:                                         "x",
		`{{default "x" .Field}}`:                                                "x",
		`{{default "x" .Field.below}}`:                                          "x",
		`{{default "x" (index .Labels "a.b/none")}}`:                            "x",
		`{{.Labels.none | default "x"}}`:                                        "x",
		`{{trim "  a b\n"}}`:                                                    "a b",
		`{{join (split .TargetNamespace "-") "+"}}`:                             "prod+eu",
		`{{index (split .TargetNamespace "-") 1}}`:                              "eu",
		`{{default "x" (index (split "a" "-") 5)}}`:                             "x",
		`{{quote "a\"b"}}`:                                                      `"a\"b"`,
		`{{b64enc "a?"}}`:                                                       "YT8=",
		`{{b64dec "YT8="}}`:                                                     "a?",
		`{{sha256sum "abc"}}`:                                                   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		`{{toJson .Labels}}`:                                                    `{"app.kubernetes.io/name":"shop","empty":"","team":"blue"}`,
		`{{toJson (split .Annotations.ports ",")}}`:                             `["80","443"]`,
		`{{toJson "a\"b"}}`:                                                     `"a\"b"`,
		`{{required "say which" .Labels.team}}`:                                 "blue",
		`{{.SourceName | upper | quote}}`:                                       `"APP"`,
		`{{index .Labels "app.kubernetes.io/name"}}`:                            "shop",
		`{{if .Labels.none}}a{{else}}b{{end}}`:                                  "b",
		`{{with .Labels.none}}{{.}}{{else}}b{{end}}`:                            "b",
		`{{if not .Labels.none}}b{{end}}`:                                       "b",
		`{{or .Labels.none .Labels.team}}`:                                      "blue",
		`{{if and .Labels.team .Labels.none}}a{{end}}`:                          "",
		`{{(index (split "a.b" ".") 0)}}{{/* nothing */}}`:                      "a",
		`{{.TargetLabels.region}} {{index .TargetLabels "example.com/tier"}}`:   "eu gold",
		`{{.TargetAnnotations.contact}}{{default "x" .TargetAnnotations.none}}`: "eu@example.comx",
		`{{.TargetName}} {{.SourceNamespace}}`:                                  "app-copy default",
		`{{slice .TargetNamespace 0 4}}{{slice "abc" 2}}`:                       "prodc",
	} {
		if got, err := render(t, text, appContext); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// renderByTextTemplate runs a template by the standard library. Functions that
// it doesn't have are ours.
func renderByTextTemplate(text string) (string, error) {
	funcs := std.FuncMap{}
	for name, f := range functions {
		switch name {
		case "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "printf":
			continue
		}
		funcs[name] = func(args ...any) (any, error) {
			output := 0
			return f.run(newAllowance((Limits{}).withDefaults(), time.Now, &output), args)
		}
	}
	tmpl, err := std.New("").Funcs(funcs).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = tmpl.Execute(&out, map[string]any{
		"TargetNamespace": appContext.TargetNamespace, "SourceNamespace": appContext.SourceNamespace, "SourceName": appContext.SourceName,
		"TargetName": appContext.TargetName, "Labels": appContext.Labels, "Annotations": appContext.Annotations,
		"TargetLabels": appContext.TargetLabels, "TargetAnnotations": appContext.TargetAnnotations,
	})
	return out.String(), err
}

// What a template may do means what it means in text/template.
func TestSameAsTextTemplate(t *testing.T) {
	for _, text := range []string{
		``, `plain`, `{{.SourceName}}`, `a {{- .SourceName -}} b`, `{{"x" | upper}}`, "{{`raw`}}", `{{"a\tb"}}`, `{{'a'}}`, `{{-3}}{{0x10}}{{+1_000}}{{0o17}}`,
		`{{true}}{{false}}`, `{{print "a" 1 2 "b" true false}}`, `{{print 1 2}}`, `{{print}}a`, `{{printf "%s-%v-%d-%q-%t-%%" "a" 3 4 "b\n" true}}`,
		`{{"a" | printf "%s%s" "b"}}`, `{{len .TargetNamespace}}{{len .Labels}}`, `{{eq 1 1}}{{eq "a" "b" "a"}}{{ne "a" "b"}}{{eq true false}}`,
		`{{lt 1 2}}{{le 2 2}}{{gt "a" "b"}}{{ge "b" "a"}}`, `{{and true "x"}}{{and "" "x"}}{{or "" "y"}}{{or 0 false}}{{not 0}}{{and 1 2 3}}`,
		`{{if eq .SourceName "app"}}a{{else}}b{{end}}`, `{{if false}}a{{else if true}}b{{else}}c{{end}}`, `{{with .SourceName}}{{.}}{{$.TargetName}}{{end}}`,
		`{{with ""}}a{{else with "x"}}{{.}}{{end}}`, `{{range .Labels}}<{{.}}>{{end}}`, `{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}`,
		`{{range $v := .Labels}}{{$v}};{{end}}`, `{{range $i, $v := split "a-b-c" "-"}}{{$i}}{{$v}}{{end}}`, `{{range split "" "-"}}[{{.}}]{{end}}`,
		`{{range split "a-b-c" "-"}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}`, `{{range split "a-b-c" "-"}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}`,
		`{{range split "ab-c" "-"}}{{range split . ""}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}};{{end}}`,
		`{{$x := "a"}}{{$x}}{{$x = "b"}}{{$x}}`, `{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}`, `{{$x := "a"}}{{if true}}{{$x = "b"}}{{end}}{{$x}}`,
		`{{if $x := .SourceName}}{{$x}}{{end}}`, `{{with $x := .SourceName}}{{$x}}{{.}}{{end}}`, `{{$x := 0}}{{range $i, $v := split "a-b" "-"}}{{$x = $i}}{{end}}{{$x}}`,
		`{{$i := 9}}{{$v := ""}}{{range $i, $v = split "a-b" "-"}}{{end}}{{$i}}{{$v}}`, `{{$v := ""}}{{range $v = split "a-b" "-"}}{{end}}{{$v}}`,
		`{{$x := .Labels}}{{$x.team}}`, `{{$.Labels.team}}`, `{{(print "a" (upper "b"))}}`, `{{index .Labels "team"}}`, `{{index (split "a-b" "-") 1}}`,
		`{{slice "abcd" 1 3}}{{slice "abcd" 2}}`, `{{join (split "a-b" "-") "+"}}`, `{{if and (hasPrefix .TargetNamespace "prod") (eq 1 1)}}yes{{end}}`,
		`{{if or true (index (split "a" "-") 7 | upper)}}short{{end}}`, `{{range $x, $x := split "a-b" "-"}}{{$x}}{{end}}`, `{{true | and "x"}}`,
		`{{range $x := split "a" "-"}}{{$y := $x}}{{$y}}{{end}}`, `{{/* a comment */}}a`, "a\n{{- /* trims */ -}}\nb", `{{"}}"}}`, `{{len (split "" "")}}`,
		`{{range $x := split "" ""}}a{{else}}none{{end}}`, `{{print (len "é") (slice "né" 1)}}`,
	} {
		want, stdErr := renderByTextTemplate(text)
		if got, err := render(t, text, appContext); (err != nil) != (stdErr != nil) || err == nil && got != want {
			t.Errorf("%s: got %q, %v; text/template gives %q, %v", text, got, err, want, stdErr)
		}
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for what, row := range map[string]struct{ text, says string }{
		"an action without an end":           {`{{if true}}`, "can't be read"},
		"a variable that isn't declared":     {`{{$x}}`, "can't be read"},
		"an unknown function":                {`{{env "HOME"}}`, "no such function"},
		"call":                               {`{{call .Labels}}`, "no such function"},
		"html":                               {`{{html "a"}}`, "no such function"},
		"js":                                 {`{{js "a"}}`, "no such function"},
		"urlquery":                           {`{{urlquery "a"}}`, "no such function"},
		"println":                            {`{{println "a"}}`, "no such function"},
		"too few arguments":                  {`{{replace "a" "b"}}`, "another number of arguments"},
		"too many arguments":                 {`{{upper "a" "b"}}`, "another number of arguments"},
		"a piped value beyond the arguments": {`{{"a" | upper "b"}}`, "another number of arguments"},
		"text piped into replace":            {`{{.SourceName | replace "-" "_"}}`, "first argument"},
		"text piped into trimPrefix":         {`{{.SourceName | trimPrefix "a"}}`, "first argument"},
		"an argument to a variable":          {`{{.SourceName "a"}}`, "only functions"},
		"a value piped into a variable":      {`{{"a" | .SourceName}}`, "only functions"},
		"a function as an argument":          {`{{upper lower}}`, "parentheses"},
		"define":                             {`{{define "a"}}{{end}}`, "not supported"},
		"define of the whole":                {`{{define "template"}}a{{end}}`, "not supported"},
		"define of the whole again":          {`a{{define "template"}}a{{end}}`, "can't be read"},
		"define that calls itself":           {`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "not supported"},
		"block":                              {`{{block "a" .}}{{end}}`, "not supported"},
		"template":                           {`{{template "template"}}`, "can't call templates"},
		"template in an else":                {`{{if true}}{{else}}{{template "template" .}}{{end}}`, "can't call templates"},
		"a fraction":                         {`{{1.5}}`, "whole numbers"},
		"a complex number that is whole":     {`{{0i}}`, "whole numbers"},
		"a fraction that is whole":           {`{{1.0}}`, "whole numbers"},
		"an exponent":                        {`{{1e3}}`, "whole numbers"},
		"a complex number":                   {`{{1i}}`, "whole numbers"},
		"a number beyond 64 bits":            {`{{99999999999999999999}}`, ""},
		"nil":                                {`{{eq nil .SourceName}}`, "nil"},
		"$ as a variable":                    {`{{$ = "a"}}`, "$ can't be assigned to"},
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := compile(row.text); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("%s: got %v, want %q", row.text, err, row.says)
			}
		})
	}
}

func TestTemplatesThatFail(t *testing.T) {
	const missing = "a key that isn't there"
	for what, row := range map[string]struct{ text, says string }{
		"a missing label":                     {`{{.Labels.none}}`, missing},
		"a missing label of the target":       {`{{.TargetLabels.none}}`, missing},
		"a missing annotation of the target":  {`{{.TargetAnnotations.none}}`, missing},
		"a missing annotation":                {`{{.Annotations.none}}`, missing},
		"an unknown variable":                 {`{{.None}}`, missing},
		"a missing label as an argument":      {`{{upper .Labels.none}}`, missing},
		"a missing label to be compared":      {`{{if eq .Labels.none "a"}}{{end}}`, missing},
		"a missing label in printf":           {`{{printf "%s" .Labels.none}}`, missing},
		"a missing label in print":            {`{{print "a" .Labels.none}}`, missing},
		"a missing label in toJson":           {`{{toJson .Labels.none}}`, missing},
		"a missing label in a variable":       {`{{$x := .Labels.none}}{{$x}}`, missing},
		"a missing key of index":              {`{{index .Labels "none"}}`, missing},
		"a missing element of index":          {`{{index (split "a" "-") 1}}`, missing},
		"an element before the first":         {`{{index (split "a" "-") -1}}`, missing},
		"a range over a missing label":        {`{{range .Labels.none}}{{end}}`, missing},
		"a missing default":                   {`{{default .Labels.none .Labels.none}}`, missing},
		"the place is told":                   {`abc {{.Labels.none}}`, "(byte 7 of the template)"},
		"required without a value":            {`{{required "secret words" .Labels.none}}`, "requires"},
		"required with an empty one":          {`{{required "secret words" .Labels.empty}}`, "requires"},
		"a range over text":                   {`{{range .SourceName}}{{end}}`, "takes a list or a map"},
		"a range over a number":               {`{{range 3}}{{end}}`, "takes a list or a map"},
		"a range over a number in a variable": {`{{$x := len .SourceName}}{{range $x}}{{end}}`, "takes a list or a map"},
		"a range over everything":             {`{{range .}}{{end}}`, "takes a list or a map"},
		"a list as text":                      {`{{split "a" "-"}}`, "isn't text"},
		"a map as text":                       {`{{.Labels}}`, "isn't text"},
		"everything as text":                  {`{{.}}`, "isn't text"},
		"everything as JSON":                  {`{{toJson .}}`, "not all of them"},
		"a key of text":                       {`{{.SourceName.x}}`, "only maps have keys"},
		"a key of text in parentheses":        {`{{(upper "a").x}}`, "only maps have keys"},
		"a method":                            {`{{.SourceName.String}}`, "only maps have keys"},
		"a method of the variables":           {`{{.variable}}`, missing},
		"a number for text":                   {`{{upper 3}}`, "must be text"},
		"text for a list":                     {`{{join "a" "b"}}`, "takes a list"},
		"two kinds compared":                  {`{{eq 1 "1"}}`, "can be compared"},
		"truth values put in order":           {`{{lt true false}}`, "no order"},
		"a list compared":                     {`{{eq (split "a" "b") (split "a" "b")}}`, "can be compared"},
		"the length of a number":              {`{{len 3}}`, "len takes"},
		"an index of text":                    {`{{index "abc" 1}}`, "index takes"},
		"a slice beyond the text":             {`{{slice "abc" 1 9}}`, "beyond"},
		"a slice that ends before it starts":  {`{{slice "abc" 2 1}}`, "beyond"},
		"a slice of a list":                   {`{{slice (split "a" "-") 0 1}}`, "slice takes"},
		"no base64":                           {`{{b64dec "?"}}`, "isn't base64"},
		"printf without a format":             {`{{printf 3}}`, "format first"},
		"printf with a width":                 {`{{printf "%9s" "a"}}`, "without width"},
		"printf with a star":                  {`{{printf "%*d" 9 9}}`, "without width"},
		"printf with a precision":             {`{{printf "%.9s" "a"}}`, "without width"},
		"printf with an argument's number":    {`{{printf "%[1]s" "a"}}`, "without width"},
		"printf with a verb of Go":            {`{{printf "%#v" "a"}}`, "without width"},
		"printf with an unfinished verb":      {`{{printf "%" "a"}}`, "without width"},
		"printf with too few arguments":       {`{{printf "%s"}}`, "fewer"},
		"printf with too many arguments":      {`{{printf "%s" "a" "b"}}`, "more"},
		"printf of text as a number":          {`{{printf "%d" "a"}}`, "this kind of value"},
		"printf of a number as text":          {`{{printf "%s" 3}}`, "this kind of value"},
		"printf of a list":                    {`{{printf "%v" (split "a" "-")}}`, "isn't text"},
		"printf of a number in quotes":        {`{{printf "%q" 3}}`, "this kind of value"},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := render(t, row.text, appContext)
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("%s: got %q, %v, want %q", row.text, got, err, row.says)
			}
		})
	}
}
