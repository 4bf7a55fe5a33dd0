package controller

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestWhatHappensToMirrorsIsChargedToTheNamespaceWhereTheyLie(t *testing.T) {
	key := func(r *rig) mirror.MirrorKey { return mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"} }
	for it, c := range map[string]struct {
		happens        func(*rig)
		mirror, source string // who is charged for the look at either, empty for the source's namespace
	}{
		"a mirror changes":                           {func(r *rig) { r.MirrorsOf(configMapsType).Set(r.mirror("a")) }, "a", ""},
		"its namespace refuses":                      {func(r *rig) { r.Namespaces().Set(refusing("a")) }, "", ""},
		"its source changes":                         {func(r *rig) { r.say("a,b", same); r.syncSources() }, "", ""},
		"a mirror of a source that is nowhere comes": {func(r *rig) { forget(r); r.MirrorsOf(configMapsType).Set(r.mirror("a")) }, "a", ""},
		"and is looked at": {func(r *rig) {
			forget(r)
			r.MirrorsOf(configMapsType).Set(r.mirror("a"))
			_ = r.SyncMirror(t.Context(), key(r))
		}, "a", "a"},
		"there is one at the start":                 {func(r *rig) { forget(r); r.MirrorsOf(configMapsType).Set(r.mirror("a")); r.Ready(configMapsType) }, "a", "a"},
		"the source of that is looked for, in vain": {func(r *rig) { forget(r); r.MirrorsOf(configMapsType).Set(r.mirror("a")); r.syncSources() }, "a", ""},
		"a source goes, and is looked for":          {func(r *rig) { r.loseSource(); r.syncSources() }, "", ""},
	} {
		t.Run(it, func(t *testing.T) {
			r := synced(t, "a")
			c.happens(r)
			if got := r.mirrors.charged[key(r)]; got != c.mirror {
				t.Errorf("the look at the mirror is charged to %q, want %q", got, c.mirror)
			}
			if got := r.Controller.Sources.(*fifo[mirror.SourceKey]).charged[r.sourceKey()]; got != c.source {
				t.Errorf("the look at the source is charged to %q, want %q", got, c.source)
			}
		})
	}
}

// forget has the rig begin anew, with the namespace a and no source.
func forget(r *rig) {
	r.Forget(configMapsType)
	r.Ready(configMapsType)
	r.mirrors.charged, r.sources.charged = nil, nil
}
