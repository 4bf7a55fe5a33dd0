package metrics

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented is a metric in a table of docs/reference.md.
var documented = regexp.MustCompile("(?m)^\\| `((?:kubemirror|leader)_[a-z_]+)(?:\\{([a-z_,]+)\\})?` \\| (gauge|counter|histogram) \\|")

func TestTheReferenceHasEveryMetricWithItsLabelsAndNoOther(t *testing.T) {
	text, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, line := range documented.FindAllStringSubmatch(string(text), -1) {
		said[line[1]] = line[3] + " by " + line[2]
	}
	m := New("1.2.3", "abcdef")
	use(t, m)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		name := family.GetName()
		if known := []string{"workqueue_", "rest_client_", "go_", "process_"}; slices.ContainsFunc(known, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		if is := strings.ToLower(family.GetType().String()) + " by " + strings.Join(labels, ","); said[name] != is {
			t.Errorf("%s is a %s; docs/reference.md says %q", name, is, said[name])
		}
		delete(said, name)
	}
	for name := range maps.Keys(said) {
		t.Errorf("docs/reference.md has %s, and there is no such metric", name)
	}
}
