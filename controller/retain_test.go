package controller

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// retained is a mirror in the namespace a that is to stay behind.
func (r *rig) retained() *mirror.Record {
	u := r.object("a", api.LabelMirror, "")
	annotate(u, api.AnnotationOnDelete, "retain")
	return mirror.NewRecord(configMapsType.GroupResource(), u)
}

func TestI1WhatStaysBehindIsLeftInTheVeryFormThatWasSeen(t *testing.T) {
	r := newRig(t)
	r.target()
	have := r.retained()
	r.MirrorsOf(configMapsType).Set(have)
	r.Ready(configMapsType)
	r.work()
	if r.deletes != 0 || r.patches != 1 {
		t.Fatalf("%d deletes and %d patches", r.deletes, r.patches)
	}
	for _, part := range []string{`"uid":"u1"`, `"resourceVersion":"` + have.ResourceVersion + `"`, `"` + api.LabelMirror + `":null`, `"` + api.AnnotationMirrorID + `":null`, `"` + api.AnnotationOnDelete + `":null`} {
		if !strings.Contains(r.patched[0], part) {
			t.Errorf("the patch %s lacks %s", r.patched[0], part)
		}
	}
	r.gone(have)
	r.work()
	if r.deletes != 0 || r.patches != 1 || r.events != 0 {
		t.Errorf("%d deletes, %d patches and %d events in all", r.deletes, r.patches, r.events)
	}
}

func TestWhatStaysBehindAndHasChangedIsReadAnewAndLeft(t *testing.T) {
	r := newRig(t)
	r.target()
	r.MirrorsOf(configMapsType).Set(r.retained())
	r.patchError = apierrors.NewConflict(configMapsType.GroupResource(), "s", nil)
	now := r.object("a", api.LabelMirror, "")
	annotate(now, api.AnnotationOnDelete, "retain")
	r.whole = now
	r.inPlace = nil
	r.Ready(configMapsType)
	r.work()
	if r.deletes != 0 || r.patches < 1 {
		t.Errorf("%d deletes and %d patches", r.deletes, r.patches)
	}
}

func TestANamespaceThatRefusesKeepsNothingBehind(t *testing.T) {
	r := newRig(t)
	r.Namespaces().Set(namespaceWith(t, map[string]string{api.LabelAllowMirrors: "false"}, nil))
	r.MirrorsOf(configMapsType).Set(r.retained())
	r.Ready(configMapsType)
	r.work()
	if r.deletes != 1 || r.patches != 0 {
		t.Errorf("%d deletes and %d patches", r.deletes, r.patches)
	}
}
