package mirror

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/api"
)

func TestAShapeIsMadeOnceWhereNoRuleLooksAtTheTarget(t *testing.T) {
	settings := testSettings(t)
	for _, row := range []struct {
		it, rules, name string
		shared          bool
	}{
		{it: "has no rules", shared: true},
		{it: "has rules for all", rules: "[{path: data.password, template: '{{.SourceName}}'}]", shared: true},
		{it: "has other names, which the rules don't read", rules: "[{path: data.password, value: x}]", name: "{{.TargetNamespace}}", shared: true},
		{it: "has a template of the namespace", rules: "[{path: data.password, template: '{{.TargetNamespace}}'}]"},
		{it: "has a template of the name", rules: "[{path: data.password, template: '{{.TargetName}}'}]", name: "{{.TargetNamespace}}"},
		{it: "has a pattern", rules: "[{path: data.password, value: x, namespacePattern: 'prod-*'}]"},
	} {
		t.Run(row.it, func(t *testing.T) {
			var more string
			if row.rules != "" {
				more += fmt.Sprintf("D/transform: \"rules: %s\"\n    ", row.rules)
			}
			if row.name != "" {
				more += fmt.Sprintf("D/target-name: %q\n    ", row.name)
			}
			src := settings.NewSource(configMaps.GroupResource(), parsed(t, strings.Replace(sourceText, "D/sync:", more+"D/sync:", 1)))
			shapes := map[*Desired]bool{}
			for _, namespace := range []string{"prod-a", "b"} {
				name, err := src.MirrorName(namespaceOf(namespace))
				if err != nil {
					t.Fatal(err)
				}
				shape, problems := src.Desired(namespaceOf(namespace), name)
				if problems != nil {
					t.Fatal(problems)
				}
				shapes[shape] = true
			}
			if shared := len(shapes) == 1; shared != row.shared {
				t.Errorf("one shape for all: %t, want %t", shared, row.shared)
			}
		})
	}
}

// Sources are read in the informer of their type, one after the other: no
// template may run there.
func TestI7ReadingASourceRunsNoTemplate(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("rules:\n")
	for i := range 50 {
		fmt.Fprintf(&rules, "- {path: data.key-%d, template: '{{$l := split \"%s\" \"\"}}{{range $l}}{{range $l}}{{range $l}}{{end}}{{end}}{{end}}'}\n", i, strings.Repeat("x", 50))
	}
	object := ruled(allTargets)
	annotations := object.GetAnnotations()
	annotations[api.AnnotationTransform] = rules.String()
	object.SetAnnotations(annotations)

	start := time.Now()
	src := testSettings(t).NewSource(configMaps.GroupResource(), object)
	read := time.Since(start)
	start = time.Now()
	_, problems := src.Desired(namespaceOf("app"), "app")
	rendered := time.Since(start)
	if src.Mode != On || len(problems) != 50 {
		t.Fatalf("mode %d, %q, problems %v", src.Mode, src.Reason, problems)
	}
	if read > rendered/4 {
		t.Errorf("it took %v to read, and %v to render", read, rendered)
	}
}
