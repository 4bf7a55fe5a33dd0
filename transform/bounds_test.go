package transform

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Templates that would run for ever or fill the memory if they could. None is
// longer than the rules may be.
func hostileTemplates() map[string]string {
	ten := strings.Repeat("x", 1000)
	list := `{{$l := split "` + ten + `" ""}}`
	return map[string]string{
		"a range over a huge integer":        `{{range 9000000000000000000}}x{{end}}`,
		"a range over a computed integer":    `{{$n := len "` + ten + `"}}{{range $n}}x{{end}}`,
		"nested ranges without a body":       list + strings.Repeat(`{{range $l}}`, 200) + strings.Repeat(`{{end}}`, 200),
		"nested ranges that write":           list + strings.Repeat(`{{range $l}}`, 6) + ten + strings.Repeat(`{{end}}`, 6),
		"nested ranges that call":            list + strings.Repeat(`{{range $l}}`, 6) + `{{$x := sha256sum (join $l "")}}` + strings.Repeat(`{{end}}`, 6),
		"nested ranges over labels":          strings.Repeat(`{{range $k, $v := $.Labels}}`, 100) + strings.Repeat(`{{end}}`, 100),
		"nested ranges that split anew":      strings.Repeat(`{{range split "`+ten[:50]+`" ""}}`, 60) + strings.Repeat(`{{end}}`, 60),
		"printf with a huge width":           `{{printf "%999999999s" "a"}}`,
		"printf with a huge precision":       `{{printf "%.999999999d" 1}}`,
		"printf with a width as argument":    `{{printf "%*d" 999999999 1}}`,
		"printf with a width in a variable":  `{{$f := print "%99999" "9999s"}}{{printf $f "a"}}`,
		"a template that calls itself":       `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`,
		"a block that calls itself":          `{{block "a" .}}{{template "a"}}{{end}}`,
		"a template that calls the whole":    `{{template "template"}}`,
		"text doubled in a variable":         `{{$x := "` + ten + `"}}` + strings.Repeat(`{{$x = print $x $x}}`, 300) + `{{$x}}`,
		"text doubled in a range":            list + `{{$x := "x"}}{{range $l}}{{$x = print $x $x}}{{end}}{{$x}}`,
		"text doubled by printf":             list + `{{$x := "x"}}{{range $l}}{{$x = printf "%s%s" $x $x}}{{end}}`,
		"text doubled by replace":            list + `{{$x := "x"}}{{range $l}}{{$x = replace $x "x" "xx"}}{{end}}`,
		"text multiplied by itself":          list + `{{$x := "xx"}}{{range $l}}{{$x = replace $x "x" $x}}{{end}}`,
		"text between every two letters":     `{{$x := "` + ten + `"}}{{$y := replace $x "" $x}}{{$y = replace $y "" $y}}`,
		"text doubled by join":               list + `{{$x := "xx"}}{{range $l}}{{$x = join (split $x "") $x}}{{end}}`,
		"text in quotes in quotes":           list + `{{$x := "\"\"\"\""}}{{range $l}}{{$x = quote $x}}{{end}}`,
		"JSON in JSON":                       list + `{{$x := "\"\"\"\""}}{{range $l}}{{$x = toJson $x}}{{end}}`,
		"base64 of base64":                   list + `{{$x := "x"}}{{range $l}}{{$x = b64enc $x}}{{end}}`,
		"many big values at once":            `{{$x := "` + ten + `"}}{{$b := replace $x "" "` + ten[:900] + `"}}` + strings.Repeat(`{{$y := upper $b}}`, 300),
		"many lists at once":                 `{{$x := "` + ten + `"}}{{$b := replace $x "" "` + ten[:100] + `"}}` + strings.Repeat(`{{$y := split $b ""}}`, 300),
		"big text written again and again":   list + `{{$b := replace "` + ten + `" "" "` + ten[:400] + `"}}{{range $l}}{{$b}}{{end}}`,
		"big text read again and again":      list + `{{$b := replace "` + ten + `" "" "` + ten[:400] + `"}}{{range $l}}{{range $l}}{{if contains $b "y"}}{{end}}{{end}}{{end}}`,
		"big text summed again and again":    list + `{{$b := replace "` + ten + `" "" "` + ten[:400] + `"}}{{range $l}}{{range $l}}{{if sha256sum $b}}{{end}}{{end}}{{end}}`,
		"big texts compared again and again": list + `{{$b := replace "` + ten + `" "" "` + ten[:400] + `"}}{{$c := print $b}}{{range $l}}{{range $l}}{{if eq $b $c}}{{end}}{{end}}{{end}}`,
		"deep parentheses in ranges":         list + `{{range $l}}{{range $l}}{{range $l}}{{if ` + strings.Repeat("(", 3000) + "1" + strings.Repeat(")", 3000) + `}}{{end}}{{end}}{{end}}{{end}}`,
	}
}

// No template outlives its time limit, takes memory beyond a small multiple of
// the output limit, or leaves a goroutine behind.
func TestTemplatesAreBounded(t *testing.T) {
	ctx := appContext
	ctx.Labels = map[string]string{}
	for i := range 100 {
		ctx.Labels[fmt.Sprint("label-", i)] = "x"
	}
	goroutines := runtime.NumGoroutine()
	for what, text := range hostileTemplates() {
		t.Run(what, func(t *testing.T) {
			if limit := (Limits{}).withDefaults().MaxSize; len(text) > limit {
				t.Fatalf("%d bytes wouldn't fit into the rules", len(text))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := render(t, text, ctx)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("it ran to its end")
			}
			t.Logf("%s, %d KiB: %v", took, (after.TotalAlloc-before.TotalAlloc)>>10, err)
			if took > time.Second { // 100 ms, and room for the race detector
				t.Errorf("it took %s", took)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 32<<20 {
				t.Errorf("it allocated %d MiB over its time", made>>20)
			}
		})
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines were left behind", n-goroutines)
	}
}

// The time limit counts steps, so it ends a template at the same place each
// time; the clock ends one whose steps are slow.
func TestTimeLimit(t *testing.T) {
	tmpl, err := compile(`{{range $x := split "` + strings.Repeat("x", 2000) + `" ""}}{{$y := $x}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runWith(tmpl, Limits{Timeout: time.Millisecond}, Context{}); !is(err, errTooLong) {
		t.Errorf("6,000 steps fit into a millisecond: %v", err)
	}
	if _, err := runWith(tmpl, Limits{Timeout: time.Minute}, Context{}); err != nil {
		t.Errorf("they don't fit into a minute: %v", err)
	}

	now := time.Unix(0, 0)
	slow := func() time.Time { now = now.Add(40 * time.Millisecond); return now }
	output := 1 << 20
	if _, err := tmpl.run(&Context{}, newAllowance((Limits{}).withDefaults(), slow, &output)); !is(err, errTooLong) {
		t.Errorf("a slow machine was given more time: %v", err)
	}
	short, _ := compile(`{{upper .SourceName}}`)
	if _, err := short.run(&appContext, newAllowance((Limits{}).withDefaults(), slow, &output)); err != nil {
		t.Errorf("a process that stood still failed a short template: %v", err)
	}
}

func TestOutputLimit(t *testing.T) {
	tmpl, err := compile(`{{range split "` + strings.Repeat("x", 99) + `" ""}}0123456789{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runWith(tmpl, Limits{MaxOutput: 989}, Context{}); !is(err, errTooBig) && !is(err, errTooMuch) {
		t.Errorf("990 bytes passed a limit of 989: %v", err)
	}
	if got, err := runWith(tmpl, Limits{MaxOutput: 1616}, Context{}); err != nil || len(got) != 990 {
		t.Errorf("990 bytes and a list of 100 don't fit: %v", err)
	}
	// All templates of one Apply share the limit.
	r, err := Parse(`rules: [{path: a, template: "0123456789"}, {path: b, template: "0123456789"}]`, Limits{MaxOutput: 15})
	if err != nil {
		t.Fatal(err)
	}
	got, problems, _ := r.Apply(map[string]any{}, Context{})
	problems = failures(problems)
	if len(got) != 1 || len(problems) != 1 || problems[0].Rule != 2 {
		t.Errorf("got %v, %v", got, problems)
	}
}

// Patterns of namespaces, paths and YAML that are slow or big elsewhere.
func TestParseIsBounded(t *testing.T) {
	big := func(text string) string { return strings.Repeat(text, 10000/len(text)) }
	for what, text := range map[string]string{
		"a pattern of stars":            `rules: [{path: a, value: x, namespacePattern: "` + big("*") + `b"}]`,
		"a pattern of stars and an a":   `rules: [{path: a, value: x, namespacePattern: "` + big("*a") + `b"}]`,
		"a pattern of questions":        `rules: [{path: a, value: x, namespacePattern: "` + big("*?") + `b"}]`,
		"a path of many keys":           `rules: [{path: "` + big("a.") + `a", value: x}]`,
		"a path of many indexes":        `rules: [{path: "a` + big("[0]") + `", value: x}]`,
		"a value of many brackets":      `rules: [{path: a, value: ` + big("[") + `}]`,
		"a merge of many maps":          `rules: [{path: a, merge: ` + big("{a: ") + `}]`,
		"a template of parentheses":     `rules: [{path: a, template: "{{` + big("(") + `"}]`,
		"a template of whole brackets":  `rules: [{path: a, template: "{{` + strings.Repeat("(", 4900) + "1" + strings.Repeat(")", 4900) + `}}"}]`,
		"a template of many ifs":        `rules: [{path: a, template: "` + strings.Repeat("{{if 1}}", 550) + strings.Repeat("{{end}}", 550) + `"}]`,
		"aliases of aliases of aliases": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\nrules: [{path: a, value: [*d,*d,*d,*d,*d,*d]}]",
		"big text behind aliases":       "rules:\n- {path: a, value: &a " + big("x")[:9000] + "}\n- path: b\n  value: &b [" + strings.Repeat("*a,", 100) + "]\n- path: c\n  value: [" + strings.Repeat("*b,", 100) + "]",
	} {
		t.Run(what, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			if r, err := Parse(text, Limits{}); err == nil {
				for range 10 {
					_, _, _ = r.Apply(map[string]any{}, Context{TargetNamespace: strings.Repeat("a", 63)})
				}
			}
			runtime.ReadMemStats(&after)
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %s", took)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 64<<20 {
				t.Errorf("it allocated %d MiB over its time", made>>20)
			}
		})
	}
}

// is tells whether a fault in a template has that reason.
func is(err, reason error) bool {
	f, ok := errors.AsType[fault](err)
	return ok && f.reason == reason.Error() || errors.Is(err, reason)
}
