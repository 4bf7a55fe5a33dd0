package controller

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestTheCensusTellsHowSourcesFareAndWhy(t *testing.T) {
	foreign, refused := mirror.Problem{Reason: mirror.ReasonForeign}, mirror.Problem{Reason: mirror.ReasonWriteRefused}
	r := newRig(t)
	table := r.tables.table(schema.GroupVersionResource{Version: "v1", Resource: "secrets"})
	for name, row := range map[string]struct {
		source   *mirror.Source
		since    time.Time
		asked    []string
		problems map[string][]mirror.Problem
	}{
		"well":               {source: &mirror.Source{Mode: mirror.On, MaxTargets: -1}},
		"out of sync":        {source: &mirror.Source{Mode: mirror.On, MaxTargets: -1}, since: time.Now(), problems: map[string][]mirror.Problem{"a": {foreign}, "b": {foreign, refused}}},
		"over its limit":     {source: &mirror.Source{Mode: mirror.On, MaxTargets: 1}, asked: []string{"a", "b"}},
		"with a bad item":    {source: &mirror.Source{Mode: mirror.On, MaxTargets: -1, Problems: []string{"one", "two"}}},
		"one that can't be":  {source: &mirror.Source{Mode: mirror.Refused}},
		"one unreadable":     {source: &mirror.Source{Mode: mirror.Stopped}, problems: map[string][]mirror.Problem{"a": {refused}}},
		"one that rests":     {source: &mirror.Source{Mode: mirror.Paused}},
		"one that goes":      {source: &mirror.Source{Mode: mirror.On, Deleting: true, MaxTargets: -1}, problems: map[string][]mirror.Problem{"a": {refused}}},
		"none":               {source: &mirror.Source{Mode: mirror.Off}},
		"one that has gone":  {problems: map[string][]mirror.Problem{"a": {refused}}},
		"one not looked at ": {source: &mirror.Source{Mode: mirror.On, MaxTargets: -1}, since: time.Now()},
	} {
		key := mirror.SourceKey{Type: table.resource.GroupResource(), Namespace: "src", Name: name}
		st := r.stateLocked(key)
		st.since = row.since
		maps.Copy(st.problems, row.problems)
		for _, namespace := range row.asked {
			st.Requested[namespace] = true
		}
		if row.source != nil {
			table.sources[key.NamespacedName()] = row.source
		}
	}
	sources, problems := r.Census()
	if want := map[string]int{"in-sync": 3, "out-of-sync": 2, "paused": 1, "stopped": 1, "refused": 1, "deleting": 1}; !maps.Equal(sources, want) {
		t.Errorf("the sources are %v, want %v", sources, want)
	}
	want := map[string]int{mirror.ReasonInvalid: 2, mirror.ReasonRefused: 1, mirror.ReasonTransform: 0, mirror.ReasonForeign: 2, mirror.ReasonTaken: 0,
		mirror.ReasonContested: 0, mirror.ReasonConsent: 0, mirror.ReasonOverLimit: 1, mirror.ReasonWriteRefused: 3, mirror.ReasonServerTrouble: 0,
		mirror.ReasonNoAuthor: 0, mirror.ReasonMayNot: 0, mirror.ReasonNotMirrored: 0, mirror.ReasonMissing: 0}
	if !maps.Equal(problems, want) {
		t.Errorf("the problems are %v, want %v", problems, want)
	}
}

// Whoever names a source that is nowhere must not make anybody's look out of sync.
func TestOnlySourcesThatHaveBeenSeenWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.target()
		r.MirrorsOf(configMapsType).Set(r.mirror("a"))
		r.Ready(configMapsType)
		r.sources.keys = nil // it is yet to be looked for, and so waits
		r.stateLocked(r.sourceKey()).since = time.Now()
		time.Sleep(time.Minute)
		if ages := r.Unsynced(); len(ages) != 0 {
			t.Errorf("a source that nobody has seen waits: %v", ages)
		}
		r.say("a", same)
		if ages, want := r.Unsynced(), map[string]time.Duration{"src": time.Minute}; !maps.Equal(ages, want) {
			t.Errorf("one that is there waits for %v, want %v", ages, want)
		}
	})
}
