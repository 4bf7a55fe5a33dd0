package controller

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestAMirrorBelongsToTheSourceWhoseUIDItHas(t *testing.T) {
	r := newRig(t)
	r.target()
	r.ask("a")
	m := r.object("a", api.LabelMirror, "")
	m.SetAnnotations(map[string]string{api.AnnotationMirrorID: "configmaps/a/s", api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "edited", api.AnnotationSourceUID: "u1"})
	r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), m))
	r.Ready(configMapsType)
	r.work()
	if r.deletes != 0 || r.creates != 0 || r.updates == 0 {
		t.Errorf("%d deletes, %d creates and %d updates; want it put right in place", r.deletes, r.creates, r.updates)
	}
}

func TestI1WhatMayBeAMirrorFromBeforeIsTakenOverOrLeftAlone(t *testing.T) {
	for _, row := range []struct {
		it, asks string
		named    string
		updates  int
	}{
		{"the source that it names wants it", "a", "s", 1},
		{"the source that it names doesn't", "", "s", 0},
		{"the source that it names is gone", "", "gone", 0},
		{"another source wants its place", "a", "other", 0},
	} {
		t.Run(row.it, func(t *testing.T) {
			r := newRig(t)
			r.target()
			r.ask(row.asks)
			before := r.object("a", api.LabelMirror, "")
			before.SetAnnotations(map[string]string{api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: row.named})
			before.SetManagedFields(nil)
			r.whole = before
			r.MirrorsOf(configMapsType).Set(mirror.NewRecord(configMapsType.GroupResource(), before))
			r.Ready(configMapsType)
			r.work()
			if r.deletes != 0 || r.creates != 0 || r.updates != row.updates {
				t.Errorf("%d deletes, %d creates and %d updates; want %d updates alone", r.deletes, r.creates, r.updates, row.updates)
			}
			problems := r.stateLocked(r.sourceKey()).problems["a"]
			if inTheWay := len(problems) == 1 && problems[0].Reason == mirror.ReasonForeign; inTheWay != (row.named == "other") {
				t.Errorf("its author is told %v", problems)
			}
		})
	}
}
