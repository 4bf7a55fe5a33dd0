package controller

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestNamespacesThatComeTogetherMakeOneStatus(t *testing.T) {
	synctest.Test(t, namespacesThatComeTogether)
}

func namespacesThatComeTogether(t *testing.T) {
	r := newRig(t)
	source := r.object("src", api.LabelEnabled, "*")
	source.SetFinalizers([]string{api.Finalizer})
	r.source = source.DeepCopy()
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), source))
	r.Ready(configMapsType)
	r.work()
	r.patches, r.sources.later = 0, nil
	time.Sleep(statusPeriod)

	for _, name := range []string{"a", "b", "c"} {
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: name}})
		r.work()
	}
	if r.creates != 3 || r.patches != 0 || !slices.Contains(r.sources.later, r.sourceKey()) {
		t.Errorf("%d mirrors and %d statuses at once; to be looked at later: %v", r.creates, r.patches, r.sources.later)
	}
	r.sources.Add(r.sourceKey())
	r.work()
	if r.patches != 1 {
		t.Errorf("%d statuses after a moment", r.patches)
	}
}

func TestASourceThatGoesIsRidOfItsFinalizerAtOnce(t *testing.T) {
	r := newRig(t)
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "b"}})
	r.ask("b")
	m := r.mirror("b")
	r.MirrorsOf(configMapsType).Set(m)
	r.Ready(configMapsType)
	r.work()
	r.patches = 0

	source := r.object("src", api.LabelEnabled, "b")
	source.SetFinalizers([]string{api.Finalizer})
	now := metav1.Now()
	source.SetDeletionTimestamp(&now)
	r.source = source.DeepCopy()
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), source))
	r.work()
	if r.deletes != 1 || r.patches != 1 {
		t.Errorf("%d mirrors deleted and %d patches of the source", r.deletes, r.patches)
	}
}
