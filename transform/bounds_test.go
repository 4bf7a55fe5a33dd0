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
		"ranges over a list of 8,000":        `{{$l := split (replace "` + ten + `" "x" "x,x,x,x,x,x,x,x,") ","}}{{range $l}}{{range $l}}{{end}}{{end}}`,
		"a list of 8,000 made in a range":    list + `{{range $l}}{{$x := split (replace "` + ten + `" "x" "x,x,x,x,x,x,x,x,") ","}}{{end}}`,
		"a list that grows by its own":       list + `{{$x := "x,x"}}{{range $l}}{{$x = join (split $x ",") (print $x ",")}}{{end}}`,
		"an error in the depth of ranges":    `{{$l := split "xx" ""}}` + strings.Repeat(`{{range $l}}`, 500) + `{{.x}}` + strings.Repeat(`{{end}}`, 500),
		"text multiplied by many verbs":      list + `{{$x := "x"}}{{range $l}}{{$x = printf "` + strings.Repeat("%s", 50) + `"` + strings.Repeat(" $x", 50) + `}}{{end}}`,
		"text in quotes by printf":           list + `{{$x := "\"\""}}{{range $l}}{{$x = printf "%q" $x}}{{end}}`,
		"a format that grows":                list + `{{$x := "%%"}}{{range $l}}{{$x = print $x $x (printf $x) (printf $x)}}{{end}}`,
		"a format of a megabyte":             list + `{{$f := replace (replace "` + ten + `" "x" "` + strings.Repeat("x", 250) + `") "x" "%%"}}{{range $l}}{{$y := printf $f}}{{end}}`,
		"printf with a width in a range":     list + `{{range $l}}{{printf "%09999999d" 1}}{{end}}`,
		"printf with a precision of text":    list + `{{range $l}}{{printf "%.9999999q" .}}{{end}}`,
		"a deep pipeline in ranges":          list + `{{range $l}}{{range $l}}{{range $l}}{{if "x"` + strings.Repeat(" | trim", 900) + `}}{{end}}{{end}}{{end}}{{end}}`,
		"a deep pipeline that grows":         `{{"\"" ` + strings.Repeat("| quote ", 900) + `}}`,
		"deep calls that grow":               `{{` + strings.Repeat("(toJson ", 500) + `"\""` + strings.Repeat(")", 500) + `}}`,
		"a huge literal in ranges":           list + `{{range $l}}{{range $l}}{{if hasSuffix "` + strings.Repeat(ten, 7) + `" "y"}}{{end}}{{end}}{{end}}`,
		"a huge text in ranges":              list + `{{range $l}}{{range $l}}` + strings.Repeat(ten, 7) + `{{end}}{{end}}`,
		"a number of many digits":            `{{$x := 1` + strings.Repeat("0", 9000) + `}}{{range $x}}{{end}}`,
		"ranges that continue":               list + strings.Repeat(`{{range $l}}`, 3) + `{{continue}}` + strings.Repeat(`{{end}}`, 3),
		"ranges that break within":           list + strings.Repeat(`{{range $l}}`, 3) + `{{break}}` + strings.Repeat(`{{end}}`, 3),
		"ranges that break in an else":       list + `{{range $l}}{{range $l}}{{range $l}}{{with ""}}{{else}}{{break}}{{end}}{{end}}{{end}}{{end}}`,
		"long chains of else if":             list + `{{range $l}}{{range $l}}{{if 0}}` + strings.Repeat(`{{else if 0}}`, 600) + `{{end}}{{end}}{{end}}`,
		"long chains of else with":           list + `{{range $l}}{{range $l}}{{with ""}}` + strings.Repeat(`{{else with ""}}`, 500) + `{{end}}{{end}}{{end}}`,
		"withs in withs":                     list + `{{range $l}}{{range $l}}` + strings.Repeat(`{{with .}}`, 450) + strings.Repeat(`{{end}}`, 450) + `{{end}}{{end}}`,
		"many variables in ranges":           list + `{{range $l}}{{range $l}}` + strings.Repeat(`{{$x := .}}`, 700) + `{{end}}{{end}}`,
		"long ands in ranges":                list + `{{range $l}}{{range $l}}{{if and ` + strings.Repeat("1 ", 4000) + `}}{{end}}{{end}}{{end}}`,
		"a range over text":                  list + `{{range $l}}{{range "` + ten + `"}}{{end}}{{end}}`,
		"a range over a length":              list + `{{range $l}}{{range len (join $l "")}}{{end}}{{end}}`,
		"a range over a truth":               `{{range true}}{{end}}`,
		"a range over a function":            `{{range upper}}{{end}}`,
		"a range over everything":            `{{range $}}{{range $}}{{end}}{{end}}`,
	}
}

// No template outlives its time limit, takes memory beyond a small multiple of
// the output limit, or leaves a goroutine behind. Steps alone end it as well, on
// a machine whose clock stands still.
func TestTemplatesAreBounded(t *testing.T) {
	ctx := appContext
	ctx.Labels = map[string]string{}
	for i := range 100 {
		ctx.Labels[fmt.Sprint("label-", i)] = "x"
	}
	for what, text := range hostileTemplates() {
		t.Run(what, func(t *testing.T) {
			if limit := (Limits{}).withDefaults().MaxSize; len(text) > limit {
				t.Fatalf("%d bytes wouldn't fit into the rules", len(text))
			}
			var before, after runtime.MemStats
			goroutines := runtime.NumGoroutine()
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
			if n := runtime.NumGoroutine(); n > goroutines {
				t.Errorf("%d goroutines were left behind", n-goroutines)
			}
			if tmpl, err := compile(text); err == nil {
				limits := (Limits{}).withDefaults()
				if _, err := tmpl.run(&ctx, newAllowance(limits, frozen, &limits.MaxOutput)); err == nil {
					t.Error("its steps don't end it")
				}
			}
		})
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

// frozen is a clock that stands still, so that no slow machine decides.
func frozen() time.Time { return time.Time{} }

// Patterns of namespaces, paths and YAML that are slow or big elsewhere. Judged
// are the bytes and the number of allocations, which no busy machine changes; a
// loop that made none would be ended by the time-out of the tests.
func TestParseIsBounded(t *testing.T) {
	big := func(text string) string { return strings.Repeat(text, 10000/len(text)) }
	for what, text := range map[string]string{
		"a pattern of stars":            `rules: [{path: a, value: x, namespacePattern: "` + big("*") + `b"}]`,
		"a pattern of stars and an a":   `rules: [{path: a, value: x, namespacePattern: "` + big("*a") + `b"}]`,
		"a pattern of questions":        `rules: [{path: a, value: x, namespacePattern: "` + big("*?") + `b"}]`,
		"a list of stars to keep":       `rules: [{path: a, keep: ["` + strings.Repeat("*a", 150) + `b"` + strings.Repeat(`, "`+strings.Repeat("*a", 150)+`"`, 30) + `]}]`,
		"a list of questions to keep":   `rules: [{path: a, keep: ["` + strings.Repeat("*?", 150) + `"` + strings.Repeat(`, "`+strings.Repeat("?*", 150)+`"`, 30) + `]}]`,
		"a list of many names to keep":  `rules: [{path: a, keep: [` + big("a,") + `]}]`,
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
			if r, err := Parse(text, Limits{}); err == nil {
				r.now = frozen
				for range 10 {
					_, _, _ = r.Apply(map[string]any{"a": map[string]any{strings.Repeat("a", 253): "x"}}, Context{TargetNamespace: strings.Repeat("a", 63)})
				}
			}
			runtime.ReadMemStats(&after)
			if made := after.TotalAlloc - before.TotalAlloc; made > 64<<20 {
				t.Errorf("it allocated %d MiB over its time", made>>20)
			}
			if times := after.Mallocs - before.Mallocs; times > 500_000 {
				t.Errorf("it allocated %d times", times)
			}
		})
	}
}

// is reports whether a fault in a template has that reason.
func is(err, reason error) bool {
	f, ok := errors.AsType[fault](err)
	return ok && f.reason == reason.Error() || errors.Is(err, reason)
}
