package controller

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

func namespaceWith(t *testing.T, labels, annotations map[string]string) *mirror.Namespace {
	t.Helper()
	ns, err := mirror.IngestNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: labels, Annotations: annotations}})
	if err != nil {
		t.Fatal(err)
	}
	return ns.(*mirror.Namespace)
}

func TestI10AWordOfANamespaceThatCannotBeReadAdmitsNobody(t *testing.T) {
	for _, value := range []string{"False", "FALSE", "no", "No", "off", "0", "1", "yes", "True", "TRUE", "ture", "", " true"} {
		ns := namespaceWith(t, map[string]string{api.LabelAllowMirrors: value}, nil)
		if ns.Consent("src") != mirror.ConsentUnclear || !strings.Contains(ns.Unreadable, `is neither "true" nor "false"`) {
			t.Errorf("allow-mirrors %q: %d, %q", value, ns.Consent("src"), ns.Unreadable)
		}
	}
	for _, value := range []string{"all", "all-labeled", "!x", "src,!x", "Platform", "src,Platform", "src;x", "src x", "“src”", "src，x", strings.Repeat("a,", 5000)} {
		ns := namespaceWith(t, nil, map[string]string{api.AnnotationAllowFrom: value})
		if ns.Consent("src") != mirror.ConsentUnclear || ns.Unreadable == "" {
			t.Errorf("allow-from %.20q: %d, %q", value, ns.Consent("src"), ns.Unreadable)
		}
	}
	if ns := namespaceWith(t, nil, map[string]string{api.Domain + "/allow-form": "x"}); ns.Consent("src") != mirror.ConsentUnclear {
		t.Errorf("allow-form: %d, %q", ns.Consent("src"), ns.Unreadable)
	}
}

func TestAWordOfANamespaceThatCanBeReadCounts(t *testing.T) {
	for _, row := range []struct {
		label, from string
		want        mirror.Consent
	}{
		{"", "", mirror.ConsentGiven}, {"true", "", mirror.ConsentGiven}, {"false", "", mirror.ConsentRefused}, {"true", "src", mirror.ConsentGiven}, {"", "s*,x", mirror.ConsentGiven}, {"true", "x", mirror.ConsentRefused}, {"", " , ", mirror.ConsentRefused},
		{"false", "Platform", mirror.ConsentRefused}, // it is clear enough
	} {
		labels, annotations := map[string]string{}, map[string]string{}
		if row.label != "" {
			labels[api.LabelAllowMirrors] = row.label
		}
		if row.from != "" {
			annotations[api.AnnotationAllowFrom] = row.from
		}
		if got := namespaceWith(t, labels, annotations).Consent("src"); got != row.want {
			t.Errorf("allow-mirrors %q, allow-from %q: %d, want %d", row.label, row.from, got, row.want)
		}
	}
}

func TestI10UnclearConsentLetsNothingInAndTakesNothingAway(t *testing.T) {
	r := newRig(t)
	r.target()
	r.ask("a")
	r.MirrorsOf(configMapsType).Set(r.mirror("a"))
	r.Ready(configMapsType)
	r.Namespaces().Set(namespaceWith(t, map[string]string{api.LabelAllowMirrors: "False"}, nil))
	r.work()
	if r.deletes+r.updates+r.creates != 0 {
		t.Errorf("%d deletes, %d updates, %d creates in a namespace that can't be read", r.deletes, r.updates, r.creates)
	}
	if problems := r.stateLocked(r.sourceKey()).problems["a"]; len(problems) != 1 || problems[0].Reason != mirror.ReasonConsent {
		t.Errorf("the source is told %v", problems)
	}
	if !slices.Contains(r.consents.keys, "a") {
		t.Error("nobody is told of the namespace")
	}
	r.Namespaces().Set(namespaceWith(t, map[string]string{api.LabelAllowMirrors: "false"}, nil))
	r.work()
	if r.deletes != 1 {
		t.Errorf("%d deletes after the namespace refused", r.deletes)
	}
}

func TestANamespaceIsToldOnceWhatCannotBeRead(t *testing.T) {
	r := newRig(t)
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "from-before"}, Unreadable: "x"})
	r.Namespaces().Started()
	if _ = r.SyncConsent(t.Context(), "from-before"); r.events != 0 {
		t.Error("I3: a restart writes an event of what was so before")
	}
	r.Namespaces().Set(namespaceWith(t, map[string]string{api.LabelAllowMirrors: "False"}, nil))
	for range 3 {
		if err := r.SyncConsent(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if r.events != 1 {
		t.Errorf("%d events", r.events)
	}
	r.Namespaces().Set(namespaceWith(t, nil, nil))
	_ = r.SyncConsent(t.Context(), "a")
	r.Namespaces().Set(namespaceWith(t, map[string]string{api.LabelAllowMirrors: "False"}, nil))
	_ = r.SyncConsent(t.Context(), "a")
	if r.events != 2 {
		t.Errorf("%d events after it was mended and broken again", r.events)
	}
}
