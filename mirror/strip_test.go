package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
)

func TestASourceLetsThroughWhatIsStrippedByDefaultAndNothingElse(t *testing.T) {
	const tracked, chart, applied, private = "argocd.argoproj.io/sync-wave", "helm.sh/chart", "kubectl.kubernetes.io/last-applied-configuration", "example.com/private-x"
	keys := map[string]string{tracked: "x", chart: "x", applied: "x", private: "x", "kapp.k14s.io/original": "x", "kapp.k14s.io/app": "x", api.AnnotationSync: "true", "team": "x"}
	for list, want := range map[string]string{
		"":                                   "team",
		"helm.sh/chart":                      "helm.sh/chart team",
		"argocd.argoproj.io/*,helm.sh/?hart": "argocd.argoproj.io/sync-wave helm.sh/chart team",
		"none.example.com/x":                 "team",
		"*":                                  "argocd.argoproj.io/sync-wave helm.sh/chart kapp.k14s.io/app team",
		"kubectl.kubernetes.io/*":            "team",
		"kapp.k14s.io/*":                     "kapp.k14s.io/app team",
	} {
		strip, err := testSettings(t).Strip.less(list, keys, keys)
		if got := strings.Join(sortedKeys(carried(keys, strip)), " "); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", list, got, err, want)
		}
	}
}

func TestI10AListOfWhatIsLetThroughIsReadAsAWholeOrStopsTheSource(t *testing.T) {
	many := map[string]string{}
	for n := range 2000 {
		many[fmt.Sprintf("helm.sh/%060d", n)] = ""
	}
	for list, says := range map[string]string{
		"helm.sh/chart,!team": "can't be in a name or glob",
		"helm.sh/[a-z]*":      "can't be in a name or glob",
		"helm.sh/chart;x":     "can't be in a name or glob",
		"kubectl.kubernetes.io/last-applied-configuration": "is never let through",
		"helm.sh/*,kopf.zalando.org/*":                     "is never let through",
		"deployment.kubernetes.io/revision":                "is never let through",
		"example.com/private-x":                            "--strip-metadata",
		api.AnnotationSync:                                 "are never let through",
		api.Domain + "/*":                                  "are never let through",
		strings.Repeat("a,", 513):                          "the most is 1024",
		strings.Repeat("*a", 150):                          "make it shorter",
	} {
		if _, err := testSettings(t).Strip.less(list, many, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want %q", list, err, says)
		}
		u := parsed(t, sourceText)
		annotations := u.GetAnnotations()
		annotations[api.AnnotationKeepMetadata] = list
		u.SetAnnotations(annotations)
		u.SetLabels(map[string]string{api.LabelEnabled: "true"})
		if s := testSettings(t).NewSource(configMaps.GroupResource(), u); says != "make it shorter" && (s.Mode != Stopped || !strings.HasPrefix(s.Reason, api.AnnotationKeepMetadata+": ")) {
			t.Errorf("%.40q: mode %d, %q", list, s.Mode, s.Reason)
		}
	}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
