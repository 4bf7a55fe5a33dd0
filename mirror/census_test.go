package mirror

import (
	"maps"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestTheCensusTellsHowSourcesFareAndWhy(t *testing.T) {
	foreign, refused := Problem{Reason: reasonForeign}, Problem{Reason: reasonWriteRefused}
	r := newRig(t)
	table := r.table(schema.GroupVersionResource{Version: "v1", Resource: "secrets"})
	for name, row := range map[string]struct {
		source   *Source
		since    time.Time
		asked    []string
		problems map[string][]Problem
	}{
		"well":               {source: &Source{Mode: On, MaxTargets: -1}},
		"out of sync":        {source: &Source{Mode: On, MaxTargets: -1}, since: time.Now(), problems: map[string][]Problem{"a": {foreign}, "b": {foreign, refused}}},
		"over its limit":     {source: &Source{Mode: On, MaxTargets: 1}, asked: []string{"a", "b"}},
		"with a bad item":    {source: &Source{Mode: On, MaxTargets: -1, Problems: []string{"one", "two"}}},
		"one that can't be":  {source: &Source{Mode: Refused}},
		"one unreadable":     {source: &Source{Mode: Stopped}, problems: map[string][]Problem{"a": {refused}}},
		"one that rests":     {source: &Source{Mode: Paused}},
		"one that goes":      {source: &Source{Mode: On, Deleting: true, MaxTargets: -1}, problems: map[string][]Problem{"a": {refused}}},
		"none":               {source: &Source{Mode: Off}},
		"one that has gone":  {problems: map[string][]Problem{"a": {refused}}},
		"one not looked at ": {source: &Source{Mode: On, MaxTargets: -1}, since: time.Now()},
	} {
		key := SourceKey{Type: table.resource.GroupResource(), Namespace: "src", Name: name}
		st := r.state(key)
		st.since = row.since
		maps.Copy(st.problems, row.problems)
		for _, namespace := range row.asked {
			st.asked[namespace] = true
		}
		if row.source != nil {
			table.sources[key.name()] = row.source
		}
	}
	sources, problems := r.Census()
	if want := map[string]int{"in-sync": 3, "out-of-sync": 2, "paused": 1, "stopped": 1, "refused": 1, "deleting": 1}; !maps.Equal(sources, want) {
		t.Errorf("the sources are %v, want %v", sources, want)
	}
	want := map[string]int{reasonInvalid: 2, reasonRefused: 1, reasonTransform: 0, reasonForeign: 2, reasonTaken: 0,
		reasonContested: 0, reasonConsent: 0, reasonOverLimit: 1, reasonWriteRefused: 3, reasonServerTrouble: 0}
	if !maps.Equal(problems, want) {
		t.Errorf("the problems are %v, want %v", problems, want)
	}
}
