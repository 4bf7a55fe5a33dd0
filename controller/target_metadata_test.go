package controller

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
)

// What of a namespace no source reads may change as often as it likes.
func TestAChangeOfANamespaceReachesTheSourcesThatReadItAndNoOthers(t *testing.T) {
	const region, contact = "rules: [{path: data.x, optional: true, template: '{{.TargetLabels.region}}'}]", "rules: [{path: data.x, optional: true, template: '{{.TargetAnnotations.contact}}'}]"
	for _, row := range []struct {
		it, rules           string
		labels, annotations int // how many looks at the mirror a change of each takes
	}{
		{"reads nothing", "", 0, 0},
		{"reads a label", region, 1, 0},
		{"reads an annotation", contact, 0, 1},
	} {
		r := newRig(t)
		r.Namespaces().Set(namespaceOf("b")) // asked for by none
		set := func(region, contact string) int {
			r.Namespaces().Set(namespaceWith(t, map[string]string{"region": region}, map[string]string{"contact": contact, "kubectl.kubernetes.io/last-applied-configuration": contact}))
			looks := len(r.mirrors.keys)
			r.work()
			return looks
		}
		set("eu", "one")
		u := r.object("src", api.LabelEnabled, "a")
		annotations := u.GetAnnotations()
		if row.rules != "" {
			annotations[api.AnnotationTransform] = row.rules
		}
		u.SetAnnotations(annotations)
		r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
		r.Ready(configMapsType)
		r.work()
		writes := r.creates
		if writes != 1 {
			t.Fatalf("%s: %d creates", row.it, writes)
		}
		if got := set("us", "one"); got != row.labels {
			t.Errorf("one that %s: %d looks after a change of a label", row.it, got)
		}
		if got := set("us", "two"); got != row.annotations {
			t.Errorf("one that %s: %d looks after a change of an annotation", row.it, got)
		}
		if len(r.index.readers) != row.annotations {
			t.Errorf("one that %s is among the readers of annotations: %v", row.it, r.index.readers)
		}
		r.loseSource()
		r.work()
		if len(r.index.readers) != 0 {
			t.Errorf("one that is gone is among the readers: %v", r.index.readers)
		}
	}
}
