package mirror

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
)

// mirroredWithout is the mirror less some lines.
func mirroredWithout(keys ...string) string {
	text := mirrored
	for _, key := range keys {
		i := strings.Index(text, "    "+key+":")
		text = text[:i] + text[i+strings.Index(text[i:], "\n")+1:]
	}
	return text
}

func TestI1OnlyWhatNamesItselfIsAMirror(t *testing.T) {
	wrote := `"f:D/mirror": {}, `
	sources := []string{"D/source-namespace", "D/source-name", "D/source-uid"}
	for _, row := range []struct {
		it, text string
		want     Standing
	}{
		{"a mirror", mirrored, Marked},
		{"a child of a mirror, of another kind", strings.Replace(mirrored, "mirror-id: configmaps/", "mirror-id: secrets/", 1), Foreign},
		{"a child of a mirror, under another name", strings.Replace(mirrored, "mirror-id: configmaps/app/db", "mirror-id: configmaps/app/parent", 1), Foreign},
		{"an export in another namespace", strings.Replace(mirrored, "namespace: app\n", "namespace: elsewhere\n", 1), Foreign},
		{"a mirror that lost the label", strings.Replace(mirrored, `D/mirror: "true", `, "", 1), Foreign},
		{"a source that was made of a mirror", strings.Replace(mirrored, `D/mirror: "true"`, `D/mirror: "true", D/enabled: "true"`, 1), Foreign},
		{"one whose label enabled can't be read", strings.Replace(mirrored, `D/mirror: "true"`, `D/mirror: "true", D/enabled: "ture"`, 1), Foreign},
		{"a mirror that is expressly no source", strings.Replace(mirrored, `D/mirror: "true"`, `D/mirror: "true", D/enabled: "false"`, 1), Marked},
		{"a mirror from before", mirroredWithout("D/mirror-id"), Unmarked},
		{"what somebody else gave the label", strings.Replace(mirroredWithout("D/mirror-id"), wrote, "", 1), Adoptable},
		{"what names no source", strings.Replace(mirroredWithout(append(sources, "D/mirror-id")...), wrote, "", 1), Foreign},
		{"what names no source and has our label", mirroredWithout(append(sources, "D/mirror-id")...), Foreign},
		{"what has a source's UID alone", mirroredWithout("D/mirror-id", "D/source-name", "D/source-namespace"), Unmarked},
	} {
		u := parsed(t, row.text)
		r := newRecord(configMaps.GroupResource(), u)
		if r.Standing != row.want {
			t.Errorf("%s stands as %d, want %d", row.it, r.Standing, row.want)
		}
		if got := StandingOf(configMaps.GroupResource(), metadataOf(u)); got != row.want {
			t.Errorf("%s stands as %d by its metadata, want %d", row.it, got, row.want)
		}
		if bare := (Record{identity: r.identity, Terminating: r.Terminating}); row.want == Foreign && *r != bare {
			t.Errorf("%s: more is kept of it than who it is", row.it)
		}
	}
}

func TestAMirrorBelongsToTheSourceWhoseUIDItHas(t *testing.T) {
	r := newRig(t)
	r.target()
	r.ask("a")
	mirror := r.object("a", api.LabelMirror, "")
	mirror.SetAnnotations(map[string]string{api.AnnotationMirrorID: "configmaps/a/s", api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "edited", api.AnnotationSourceUID: "u1"})
	r.MirrorsOf(configMaps).Set(newRecord(configMaps.GroupResource(), mirror))
	r.Ready(configMaps)
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
			r.MirrorsOf(configMaps).Set(newRecord(configMaps.GroupResource(), before))
			r.Ready(configMaps)
			r.work()
			if r.deletes != 0 || r.creates != 0 || r.updates != row.updates {
				t.Errorf("%d deletes, %d creates and %d updates; want %d updates alone", r.deletes, r.creates, r.updates, row.updates)
			}
			problems := r.state(r.sourceKey()).problems["a"]
			if inTheWay := len(problems) == 1 && problems[0].Reason == reasonForeign; inTheWay != (row.named == "other") {
				t.Errorf("its author is told %v", problems)
			}
		})
	}
}
