package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
)

func namespaceWith(t *testing.T, labels, annotations map[string]string) *Namespace {
	t.Helper()
	ns, err := IngestNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "app", Labels: labels, Annotations: annotations}})
	if err != nil {
		t.Fatal(err)
	}
	return ns.(*Namespace)
}

func TestI6OfANamespacesAnnotationsIsKeptWhatIsBounded(t *testing.T) {
	many := map[string]string{
		"kubectl.kubernetes.io/last-applied-configuration": "{}", "contact": "eu@example.com", "a-long-one": strings.Repeat("x", maxReadableValue+1), "just-so": strings.Repeat("x", maxReadableValue),
	}
	if got, want := slices.Sorted(maps.Keys(namespaceWith(t, nil, many).Annotations)), []string{"contact", "just-so"}; !slices.Equal(got, want) {
		t.Errorf("it keeps %q, want %q", got, want)
	}
	for n := range 1000 {
		many[fmt.Sprintf("note-%03d", n)] = strings.Repeat("x", 100)
	}
	size := 0
	for key, value := range namespaceWith(t, nil, many).Annotations {
		size += len(key) + len(value)
	}
	if size > maxReadable || size < maxReadable/2 {
		t.Errorf("%d bytes are kept", size)
	}
	if namespaceWith(t, nil, nil).Annotations != nil {
		t.Error("no annotations take memory")
	}
}

func TestASourceIsConcernedByWhatItReadsOfANamespace(t *testing.T) {
	settings := testSettings(t)
	reads := func(annotations map[string]string) *Source {
		u := parsed(t, sourceText)
		all := u.GetAnnotations()
		maps.Copy(all, annotations)
		u.SetAnnotations(all)
		s := settings.NewSource(configMaps.GroupResource(), u)
		if s.Mode != On {
			t.Fatal(s.Reason)
		}
		return s.WithoutContent() // it is known all the same
	}
	none := reads(nil)
	label := reads(map[string]string{api.AnnotationTransform: "rules: [{path: data.x, template: '{{.TargetLabels.region}}'}]"})
	annotation := reads(map[string]string{api.AnnotationTransform: "rules: [{path: data.x, template: '{{.TargetAnnotations.contact}}'}]"})
	name := reads(map[string]string{api.AnnotationTargetName: "{{default \"x\" .TargetLabels.region}}-db"})
	selector := reads(map[string]string{api.AnnotationTargetNamespaces: "!x", api.AnnotationTargetSelector: "region=eu"})

	eu := namespaceWith(t, map[string]string{"region": "eu"}, map[string]string{"contact": "one"})
	for what, row := range map[string]struct {
		after     *Namespace
		concerned []*Source
	}{
		"nothing":                       {namespaceWith(t, map[string]string{"region": "eu"}, map[string]string{"contact": "one"}), nil},
		"a label":                       {namespaceWith(t, map[string]string{"region": "us"}, map[string]string{"contact": "one"}), []*Source{label, name, selector}},
		"another label":                 {namespaceWith(t, map[string]string{"region": "eu", "x": "y"}, map[string]string{"contact": "one"}), []*Source{label, name}},
		"an annotation":                 {namespaceWith(t, map[string]string{"region": "eu"}, map[string]string{"contact": "two"}), []*Source{annotation}},
		"an annotation that isn't read": {namespaceWith(t, map[string]string{"region": "eu"}, map[string]string{"contact": "one", "kubectl.kubernetes.io/last-applied-configuration": "{}"}), nil},
		"a word that can't be read":     {namespaceWith(t, map[string]string{"region": "eu", api.LabelAllowMirrors: "perhaps"}, map[string]string{"contact": "one"}), []*Source{none, label, annotation, name, selector}},
		"a refusal":                     {namespaceWith(t, map[string]string{"region": "eu", api.LabelAllowMirrors: "false"}, map[string]string{"contact": "one"}), []*Source{none, label, annotation, name, selector}},
		"its end":                       {nil, []*Source{none, label, annotation, name, selector}},
	} {
		for of, s := range map[string]*Source{"nothing": none, "a label": label, "an annotation": annotation, "a label for the name": name, "a label to select": selector} {
			if got := s.IsConcernedBy(eu, row.after); got != slices.Contains(row.concerned, s) {
				t.Errorf("a change of %s concerns one that reads %s: %v", what, of, got)
			}
		}
	}
}
