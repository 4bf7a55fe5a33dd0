package mirror

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// ruled is a ConfigMap of about 10 KB in 20 keys, with ten rules of all sorts; link is the
// template of three of them.
func ruled(link string) *unstructured.Unstructured {
	var rules strings.Builder
	rules.WriteString("rules:\n")
	for i := range 3 {
		fmt.Fprintf(&rules, "- {path: data.key-%d, value: replaced}\n", i)
		fmt.Fprintf(&rules, "- {path: data.key-%d, delete: true}\n", i+3)
		fmt.Fprintf(&rules, "- {path: data.key-%d, template: '%s'}\n", i+6, link)
	}
	rules.WriteString("- {path: metadata.labels, merge: {environment: production}}\n")
	data := map[string]any{}
	for i := range 20 {
		data[fmt.Sprintf("key-%d", i)] = strings.Repeat("x", 512)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"namespace": "default", "name": "app", "uid": "s1", "resourceVersion": "4",
			"labels": map[string]any{api.LabelEnabled: "true", "team": "blue"},
			"annotations": map[string]any{
				api.AnnotationSync: "true", api.AnnotationTargetNamespaces: "all", api.AnnotationTransform: rules.String(),
			},
		},
		"data": data,
	}}
}

const (
	perTarget  = `https://{{.TargetNamespace | upper}}.example.com/{{default "x" .Labels.team}}`
	allTargets = `https://{{.SourceNamespace | upper}}.example.com/{{default "x" .Labels.team}}`
)

func benchmarkShape(b *testing.B, link string) {
	settings := &Settings{MaxTargets: 100}
	src := settings.NewSource(configMaps.GroupResource(), ruled(link))
	namespaces := make([]string, 100)
	for i := range namespaces {
		namespaces[i] = fmt.Sprintf("app-%d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if shape, problems := src.Desired(namespaceOf(namespaces[i%len(namespaces)]), src.Name); shape == nil || problems != nil {
			b.Fatal(problems)
		}
	}
}

// What one mirror costs beside its write. Goal: under 1 ms.
func BenchmarkShapeOfOneMirrorWith10RulesOn10KB(b *testing.B) { benchmarkShape(b, perTarget) }

// The same where no rule looks at the target: the work is done for the first
// mirror, and is nothing for those that follow.
func BenchmarkShapeThatAllMirrorsShareWith10RulesOn10KB(b *testing.B) { benchmarkShape(b, allTargets) }

// What reading a source costs, rules included: once for each of its changes.
func BenchmarkReadASourceWith10RulesOn10KB(b *testing.B) {
	settings := &Settings{MaxTargets: 100}
	object := ruled(perTarget)
	b.ReportAllocs()
	for b.Loop() {
		if src := settings.NewSource(configMaps.GroupResource(), object); src.Mode != On {
			b.Fatal(src.Reason)
		}
	}
}
