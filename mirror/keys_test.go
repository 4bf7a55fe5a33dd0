package mirror

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/api"
)

// slips are all texts that are one slip of the finger away: a character left out,
// put in, wrong, or in the wrong order.
func slips(text string) []string {
	var all []string
	for i := range text {
		all = append(all, text[:i]+text[i+1:], text[:i]+"x"+text[i:], text[:i]+"q"+text[i+1:])
		if i > 0 && text[i] != text[i-1] {
			all = append(all, text[:i-1]+text[i:i+1]+text[i-1:i]+text[i+1:])
		}
	}
	return append(all, text+"s")
}

func TestI10NoSlipInAKeyGoesUnseen(t *testing.T) {
	for key := range onSource.annotations {
		for _, slip := range slips(key) {
			err := onSource.check(map[string]string{api.LabelEnabled: "true"}, map[string]string{slip: "x"})
			switch {
			case err == nil:
				t.Errorf("%s passes for something else", slip)
			case !onMirror[key] && !strings.Contains(err.Error(), "did you mean"):
				t.Errorf("%s: %v", slip, err)
			}
		}
	}
	for key := range onNamespace.annotations {
		for _, slip := range slips(key) {
			if onNamespace.check(nil, map[string]string{slip: "x"}) == nil {
				t.Errorf("%s passes for something else on a namespace", slip)
			}
		}
	}
}

func TestAKeyInTheWrongPlaceIsToldWhereItBelongs(t *testing.T) {
	for _, row := range []struct {
		where               vocabulary
		labels, annotations string
		want                string
	}{
		{onSource, "sync", "", "D/sync is an annotation, not a label"},
		{onSource, "", "enabled", "D/enabled is a label, not an annotation"},
		{onSource, "", "allow-from", "D/allow-from belongs on a namespace"},
		{onSource, "allow-mirrors", "", "D/allow-mirrors belongs on a namespace"},
		{onSource, "", "transforms", "unknown annotation D/transforms; did you mean D/transform?"},
		{onSource, "", "nothing-like-it", "unknown annotation D/nothing-like-it"},
		{onNamespace, "", "allow-mirrors", "D/allow-mirrors is a label, not an annotation"},
		{onNamespace, "allow-from", "", "D/allow-from is an annotation, not a label"},
		{onNamespace, "", "allow-form", "unknown annotation D/allow-form; did you mean D/allow-from?"},
		{onNamespace, "allow-mirror", "", "unknown label D/allow-mirror; did you mean D/allow-mirrors?"},
	} {
		one := func(name string) map[string]string {
			if name == "" {
				return nil
			}
			return map[string]string{api.Domain + "/" + name: "x"}
		}
		err := row.where.check(one(row.labels), one(row.annotations))
		if want := strings.ReplaceAll(row.want, "D/", api.Domain+"/"); err == nil || err.Error() != want {
			t.Errorf("label %q, annotation %q: %v, want %q", row.labels, row.annotations, err, want)
		}
	}
}

func TestOthersKeysAreNotTakenForSlips(t *testing.T) {
	others := map[string]string{}
	for _, key := range []string{
		"app", "app.kubernetes.io/name", "kubectl.kubernetes.io/last-applied-configuration", "mirror.example.com/sync", "example.com/mirror",
		"kubed.appscode.com/sync", "replicator.v1.mittwald.de/replicate-to", "reflector.v1.k8s.emberstack.com/reflects", "argocd.argoproj.io/sync-wave",
		"raczylo.com/sync", "mirror.raczylo.com/sync", "kubernetes.io/description", "zylo.co/x", "kubemir", "",
	} {
		others[key] = "x"
	}
	if err := onSource.check(others, others); err != nil {
		t.Error(err)
	}
	if err := onSource.check(nil, maps.Collect(maps.All(map[string]string{api.AnnotationSync: "true", api.AnnotationSyncStatus: "1/1 synced"}))); err != nil {
		t.Error(err)
	}
}

func TestEditsCountsSlips(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"sync", "sync", 0}, {"snyc", "sync", 1}, {"syn", "sync", 1}, {"syncs", "sync", 1}, {"sink", "sync", 2}, {"", "ab", 2}, {"exclude", "paused", 3},
	} {
		if got := edits(row.a, row.b, 3); got != row.want {
			t.Errorf("%s and %s are %d edits apart, want %d", row.a, row.b, got, row.want)
		}
	}
	if !slices.Contains(slips("ab"), "ba") {
		t.Error("the order of two characters is no slip")
	}
}
