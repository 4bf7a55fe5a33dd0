package controller

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Each namespace that comes has the status of each source that goes there written.
func TestAStatusLeavesTheShapeAsItWasMade(t *testing.T) {
	r := newRig(t)
	r.target()
	shapeWith := func(key, value string) *mirror.Desired {
		u := r.object("src", api.LabelEnabled, "a")
		annotations := u.GetAnnotations()
		annotations[key] = value
		u.SetAnnotations(annotations)
		r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
		shape, _ := r.tables.of[configMapsType.GroupResource()].sources[r.sourceKey().NamespacedName()].Desired(namespaceOf("a"), "s")
		return shape
	}
	before := shapeWith("note", "1")
	if shapeWith("note", "2") == before {
		t.Fatal("a change of the source goes unseen")
	}
	before = shapeWith(api.AnnotationSyncStatus, "0/1 synced")
	if shapeWith(api.AnnotationSyncStatus, "1/1 synced") != before {
		t.Error("our own status has the shape made again")
	}
}
