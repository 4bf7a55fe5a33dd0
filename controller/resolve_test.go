package controller

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// standIn has a ConfigMap ask to be mirrored to a as the ConfigMap named "named".
func (r *rig) standIn() {
	u := r.object("src", api.LabelEnabled, "a")
	annotations := u.GetAnnotations()
	annotations[api.AnnotationMirrorOf] = "configmaps/named"
	u.SetAnnotations(annotations)
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
}

func (r *rig) named() *mirror.Origin {
	u := r.object("src", "app", "")
	u.SetName("named")
	u.SetAnnotations(nil)
	return &mirror.Origin{Object: u}
}

// follow has the watch of what is stood for tell by the function that it returns.
func (r *rig) follow() func(*mirror.Origin) {
	var tell func(*mirror.Origin)
	started := make(chan struct{})
	r.watchOrigin = func(_ context.Context, _ schema.GroupVersionResource, _, _ string, seen func(*mirror.Origin)) {
		tell = seen
		close(started)
	}
	r.standIn()
	<-started
	return tell
}

func TestI5WhatIsStoodForIsGoneByALiveLookAlone(t *testing.T) {
	r := newRig(t)
	r.target()
	r.Ready(configMapsType)
	tell := r.follow()
	tell(r.named())
	r.work()
	if r.creates != 1 {
		t.Fatalf("%d creates", r.creates)
	}
	r.source = r.named().Object // which a GET finds
	tell(nil)
	r.work()
	if r.deletes != 0 {
		t.Errorf("%d deletes of the mirror of what is there", r.deletes)
	}
	r.source = nil
	tell(nil)
	r.work()
	if r.deletes != 1 {
		t.Errorf("%d deletes of the mirror of what is gone", r.deletes)
	}
}

func TestAStandInWhoseObjectCannotBeReadSaysSoAndRecovers(t *testing.T) {
	r := newRig(t)
	r.target()
	r.Ready(configMapsType)
	tell := r.follow()
	r.onRead = func() {
		r.readError = apierrors.NewForbidden(configMapsType.GroupResource(), "named", errors.New(`User "kubemirror" cannot get resource "configmaps" in API group ""`))
	}
	tell(nil)
	r.work()
	if src := r.tables.source(r.sourceKey()); src.Mode != mirror.Stopped || !strings.Contains(src.Reason, "cannot get resource") || r.deletes+r.creates > 0 {
		t.Errorf("it is %v: %s", src.Mode, src.Reason)
	}
	tell(r.named())
	r.work()
	if r.creates != 1 {
		t.Errorf("%d creates when the watch tells of it", r.creates)
	}
}

// Nothing is looked at again and again because it isn't there.
func TestI3ARequestForNothingComesToRest(t *testing.T) {
	r := newRig(t)
	r.target()
	r.Ready(configMapsType)
	u := r.object("src", api.LabelEnabled, "")
	u.SetAnnotations(map[string]string{api.AnnotationSync: "true", api.AnnotationMirrorOf: "configmaps/elsewhere/nothing"})
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "src"}})
	r.SourcesOf(configMapsType).Set(r.Settings.NewSource(configMapsType.GroupResource(), u))
	if looks := r.work(); looks == most {
		t.Error("it never comes to rest")
	}
	if src := r.tables.source(r.sourceKey()); src.Mode != mirror.Missing || src.Awaits {
		t.Errorf("it is %v", src.Mode)
	}
}
