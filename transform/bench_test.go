package transform

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// configMap returns an object of about that many bytes in so many keys.
func configMap(size, keys int) map[string]any {
	data := make(map[string]any, keys)
	for i := range keys {
		data[fmt.Sprintf("key-%d", i)] = strings.Repeat("x", size/keys)
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "app", "labels": map[string]any{"team": "blue"}},
		"data":     data,
	}
}

// listOf returns an object of about that many bytes in a list of maps.
func listOf(size, elements int) map[string]any {
	list := make([]any, 0, elements)
	for range elements {
		list = append(list, map[string]any{"name": "x", "value": strings.Repeat("x", size/elements)})
	}
	return map[string]any{"apiVersion": "example.com/v1", "kind": "Thing", "spec": map[string]any{"list": list}}
}

// everyKind returns n rules, a quarter of each action, on a ConfigMap.
func everyKind(n int) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "- path: data.%s\n", [...]string{
			fmt.Sprintf("key-%d\n  value: error", i),
			fmt.Sprintf("key-%d\n  template: 'https://{{.TargetNamespace | upper}}.example.com/{{default \"x\" .Labels.team}}'", i),
			fmt.Sprintf("key-%d\n  delete: true", i),
			fmt.Sprintf("new-%d\n  template: '{{if hasPrefix .TargetNamespace \"prod-\"}}a{{else}}b{{end}}'", i),
		}[i%4])
	}
	return b.String()
}

// onElements returns n rules on elements of a list.
func onElements(n int) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "- path: spec.list[%d].value\n  template: '{{.TargetNamespace}}'\n", i*7)
	}
	return b.String()
}

func benchmarkApply(b *testing.B, object map[string]any, text string) {
	r := mustParse(b, text)
	b.ReportAllocs()
	for b.Loop() {
		if _, problems, err := r.Apply(object, appContext); err != nil || problems != nil {
			b.Fatal(problems, err)
		}
	}
}

// Goal: under 1 ms.
func BenchmarkApply10RulesOn10KiB(b *testing.B) {
	benchmarkApply(b, configMap(10<<10, 20), everyKind(10))
}

// Goal for all of these: under 20 ms.
func BenchmarkApply50RulesOn1MiBInFewKeys(b *testing.B) {
	benchmarkApply(b, configMap(1<<20, 50), everyKind(50))
}

func BenchmarkApply50RulesOn1MiBInManyKeys(b *testing.B) {
	benchmarkApply(b, configMap(1<<20, 50_000), everyKind(50))
}

func BenchmarkApply50RulesOn1MiBInAList(b *testing.B) {
	benchmarkApply(b, listOf(1<<20, 50_000), onElements(50))
}

func BenchmarkParse50Rules(b *testing.B) {
	text := everyKind(50)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// What a step costs: far below a microsecond, so that the clock rarely decides.
func BenchmarkStep(b *testing.B) {
	tmpl, err := compile(`{{$l := split "` + strings.Repeat("x", 500) + `" ""}}{{range $l}}{{range $l}}{{if eq . "y"}}{{end}}{{end}}{{end}}`)
	if err != nil {
		b.Fatal(err)
	}
	var steps int64
	for b.Loop() {
		output := 0
		a := newAllowance((Limits{}).withDefaults(), time.Now, &output)
		if _, err := tmpl.run(&Context{}, a); !is(err, errTooLong) {
			b.Fatal(err)
		}
		steps += a.steps
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
