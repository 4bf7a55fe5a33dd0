package mirror

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/mirror/mirrortest"
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

// mirroredWith is the mirror with another value, and less some lines.
func mirroredWith(key, value string, without ...string) string {
	text := mirroredWithout(without...)
	i := strings.Index(text, "    "+key+":")
	return text[:i] + "    " + key + ": " + value + text[i+strings.Index(text[i:], "\n"):]
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
		{"what names itself and no source", mirroredWithout(sources...), Foreign},
		{"what names a source as no object can be named", mirroredWith("D/source-name", strings.Repeat("x", 254), "D/source-uid"), Foreign},
		{"what names a source in a namespace that can't be", mirroredWith("D/source-namespace", strings.Repeat("x", 64), "D/source-uid"), Foreign},
		{"what names a source by a UID that can't be", mirroredWith("D/source-uid", strings.Repeat("x", 129), "D/source-name"), Foreign},
		{"what has a source's UID alone", mirroredWithout("D/mirror-id", "D/source-name", "D/source-namespace"), Unmarked},
	} {
		u := parsed(t, row.text)
		r := NewRecord(configMaps.GroupResource(), u)
		if r.Standing != row.want {
			t.Errorf("%s stands as %d, want %d", row.it, r.Standing, row.want)
		}
		if got := StandingOf(configMaps.GroupResource(), mirrortest.MetadataOf(u)); got != row.want {
			t.Errorf("%s stands as %d by its metadata, want %d", row.it, got, row.want)
		}
		if bare := (Record{Identity: r.Identity, Terminating: r.Terminating}); row.want == Foreign && *r != bare {
			t.Errorf("%s: more is kept of it than who it is", row.it)
		}
	}
}
