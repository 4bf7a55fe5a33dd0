package controller

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

func TestADeletionThatTheSourceDidNotAskForIsTold(t *testing.T) {
	for _, row := range []struct {
		it     string
		change func(*rig)
		events int
	}{
		{"the source drops the target", func(r *rig) { r.ask("") }, 0},
		{"the namespace refuses", func(r *rig) {
			r.Namespaces().Set(namespaceWith(t, map[string]string{api.LabelAllowMirrors: "false"}, nil))
		}, 1},
		{"the namespace lets others in alone", func(r *rig) {
			r.Namespaces().Set(namespaceWith(t, nil, map[string]string{api.AnnotationAllowFrom: "others"}))
		}, 1},
		{"the source is gone", func(r *rig) { r.loseSource() }, 1},
		{"the source has lost the label", func(r *rig) {
			r.inPlace = &metav1.PartialObjectMetadata{}
			r.loseSource()
		}, 0},
	} {
		t.Run(row.it, func(t *testing.T) {
			r := newRig(t)
			r.target()
			r.ask("a")
			r.MirrorsOf(configMapsType).Set(r.mirror("a"))
			r.Ready(configMapsType)
			r.work()
			r.events = 0
			row.change(r)
			r.work()
			r.sources.Add(r.sourceKey()) // as AddAfter would
			r.work()
			if r.deletes != 1 || r.events != row.events {
				t.Errorf("%d deletes and %d events, want 1 and %d", r.deletes, r.events, row.events)
			}
		})
	}
}

func TestI9OurOwnDeletionIsNoDrift(t *testing.T) {
	r := newRig(t)
	r.target()
	r.ask("a")
	m := r.mirror("a")
	r.MirrorsOf(configMapsType).Set(m)
	r.Ready(configMapsType)
	r.work()
	r.ask("")
	r.work()
	r.ask("a")
	r.work() // the mirror is still on its way out
	r.gone(m)
	if st := r.stateLocked(r.sourceKey()); st.drifted["a"] {
		t.Error("what we deleted ourselves counts as somebody's change")
	}
	r.work()
	if r.creates != 1 {
		t.Errorf("%d creates after it has gone", r.creates)
	}
}

func TestI9WhatIsMadeAgainAndAgainIsDeletedLaterAndLaterAndToldOnce(t *testing.T) {
	r := newRig(t)
	r.target()
	r.ask("")
	r.Ready(configMapsType)
	for range 20 {
		m := r.mirror("a")
		r.MirrorsOf(configMapsType).Set(m)
		r.work()
		r.gone(m)
		r.work()
	}
	if r.deletes != freeCorrections {
		t.Errorf("%d deletes in a moment, want %d", r.deletes, freeCorrections)
	}
	problems := r.stateLocked(r.sourceKey()).problems["a"]
	if len(problems) != 1 || problems[0].Reason != mirror.ReasonContested {
		t.Errorf("its author is told %v", problems)
	}
	if !slices.Contains(r.mirrors.later, mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}) {
		t.Error("nobody looks again later")
	}
}

func TestAFinalizerComesWithTheFirstMirrorAndGoesWithTheLast(t *testing.T) {
	with := &mirror.Source{Finalizers: []string{"x", api.Finalizer}}
	for _, row := range []struct {
		it        string
		src       mirror.Source
		has, busy bool
		want      []string
	}{
		{"comes with a mirror", mirror.Source{Mode: mirror.On}, true, false, []string{api.Finalizer}},
		{"doesn't come before", mirror.Source{Mode: mirror.On}, false, true, nil},
		{"doesn't come to what goes", mirror.Source{Mode: mirror.On, Deleting: true}, true, false, nil},
		{"doesn't come to what is off", mirror.Source{Mode: mirror.Off}, true, false, nil},
		{"stays while there is a mirror", mirror.Source{Mode: mirror.Off, Finalizers: with.Finalizers}, true, false, nil},
		{"stays while there may be one", mirror.Source{Mode: mirror.On, Finalizers: with.Finalizers}, false, true, nil},
		{"goes from one that is blocked", mirror.Source{Mode: mirror.On, Finalizers: with.Finalizers}, false, false, []string{"x"}},
		{"goes from one that stopped", mirror.Source{Mode: mirror.Stopped, Finalizers: with.Finalizers}, false, false, []string{"x"}},
		{"goes from one that is deleted", mirror.Source{Mode: mirror.On, Deleting: true, Finalizers: with.Finalizers}, false, false, []string{"x"}},
	} {
		if got := finalizers(&row.src, row.has, row.busy); !slices.Equal(got, row.want) || (got == nil) != (row.want == nil) {
			t.Errorf("%s: %q, want %q", row.it, got, row.want)
		}
	}
}

func TestI10AFinalizerThatNobodyFollowsIsTakenOffWhatIsDeleted(t *testing.T) {
	for _, row := range []struct {
		it      string
		age     time.Duration
		patches int
	}{{"after a grace", 2 * releaseGrace, 1}, {"not before", 0, 0}} {
		t.Run(row.it, func(t *testing.T) {
			r := newRig(t)
			r.Settings.Sources, _ = pattern.Parse("elsewhere", pattern.InNamespaceName)
			source := r.object("src", api.LabelEnabled, "a")
			source.SetFinalizers([]string{api.Finalizer})
			deleted := metav1.NewTime(time.Now().Add(-row.age))
			source.SetDeletionTimestamp(&deleted)
			r.inPlace, r.source = mirrortest.MetadataOf(source), source.DeepCopy()
			r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), source))
			if !slices.Contains(r.sources.later, r.sourceKey()) {
				t.Fatal("nobody looks at it later")
			}
			r.sources.Add(r.sourceKey())
			r.work()
			if r.patches != row.patches || r.creates+r.deletes != 0 {
				t.Errorf("%d patches, want %d", r.patches, row.patches)
			}
		})
	}
}
