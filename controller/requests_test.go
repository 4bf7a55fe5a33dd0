package controller

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

var secretsType = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// asking is a ConfigMap with the label that has these annotations alone.
func (r *rig) asking(namespace, name string, annotations map[string]string) *unstructured.Unstructured {
	u := r.object(namespace, api.LabelEnabled, "")
	u.SetName(name)
	u.SetUID(types.UID("u-" + name))
	all := map[string]string{api.AnnotationSync: "true"}
	maps.Copy(all, annotations)
	u.SetAnnotations(all)
	return u
}

func (r *rig) see(u *unstructured.Unstructured) mirror.SourceKey {
	src := r.Settings.NewSource(configMapsType.GroupResource(), u)
	r.SourcesOf(configMapsType).Set(src)
	return src.SourceKey()
}

// request has team-a ask for a source.
func (r *rig) request(name, of string) mirror.SourceKey {
	return r.see(r.asking("team-a", name, map[string]string{api.AnnotationMirrorOf: of}))
}

// workItOff works until nothing is due, however much that is.
func (r *rig) workItOff() {
	for looks := most; looks == most; {
		looks = r.work()
	}
}

func (r *rig) team() {
	r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: "team-a"}})
}

func TestConsentIsTakenBackInWhicheverWayTheStandInEnds(t *testing.T) {
	for it, row := range map[string]struct {
		change  func(annotations map[string]string)
		deletes int
	}{
		"allow-to is taken off":          {func(a map[string]string) { delete(a, api.AnnotationAllowTo) }, 1},
		"it is turned off":               {func(a map[string]string) { a[api.AnnotationSync] = "false" }, 1},
		"it is excluded":                 {func(a map[string]string) { a[api.AnnotationExclude] = "true" }, 1},
		"it stands for something else":   {func(a map[string]string) { a[api.AnnotationMirrorOf] = "configmaps/other" }, 1},
		"it stands for nothing any more": {func(a map[string]string) { delete(a, api.AnnotationMirrorOf) }, 1},
		"it has a slip":                  {func(a map[string]string) { a[api.AnnotationPaused] = "yes" }, 0},
		"its rules can't be read":        {func(a map[string]string) { a[api.AnnotationTransform] = "x" }, 0},
		"allow-to can't be read":         {func(a map[string]string) { a[api.AnnotationAllowTo] = "team-a,a b" }, 0},
		"mirror-of can't be read":        {func(a map[string]string) { a[api.AnnotationMirrorOf] = "configmaps" }, 0},
	} {
		t.Run(it, func(t *testing.T) {
			r := newRig(t)
			r.team()
			r.Ready(configMapsType)
			tells := make(chan func(*mirror.Origin), 9)
			r.watchOrigin = func(_ context.Context, _ schema.GroupVersionResource, _, _ string, seen func(*mirror.Origin)) {
				tells <- seen
			}
			annotations := map[string]string{api.AnnotationMirrorOf: "configmaps/named", api.AnnotationAllowTo: "team-a"}
			r.see(r.asking("src", "s", annotations))
			(<-tells)(r.named())
			r.source = r.named().Object
			r.request("q", "configmaps/src/named")
			if r.work(); r.creates != 1 {
				t.Fatalf("%d creates", r.creates)
			}
			row.change(annotations)
			r.see(r.asking("src", "s", annotations))
			if looks := r.work(); r.deletes != row.deletes || looks == most {
				t.Errorf("%d deletes in %d looks, want %d", r.deletes, looks, row.deletes)
			}
		})
	}
}

func TestI10ASlipInARequestTakesNothingAway(t *testing.T) {
	for key, value := range map[string]string{
		api.AnnotationTransform: "nonsense", api.AnnotationPaused: "yes", api.AnnotationOnDelete: "x", api.Domain + "/transforms": "x",
		api.AnnotationTargetName: "{{", api.AnnotationTargetNamespaces: "a", api.AnnotationMirrorOf: "configmaps//s",
	} {
		r := newRig(t)
		r.team()
		r.Ready(configMapsType)
		r.source = r.asking("src", "s", map[string]string{api.AnnotationAllowTo: "*"})
		r.see(r.source)
		of := map[string]string{api.AnnotationMirrorOf: "configmaps/src/s"}
		r.see(r.asking("team-a", "q", of))
		r.work()
		of[key] = value
		asked := r.see(r.asking("team-a", "q", of))
		r.work()
		if src := r.tables.source(asked); r.creates != 1 || r.deletes != 0 || src.Mode != mirror.Stopped {
			t.Errorf("%s: %d creates, %d deletes, mode %v", key, r.creates, r.deletes, src.Mode)
		}
	}
}

// At the start the lists of types come in any order.
func TestI5NothingIsChosenOrLetGoBeforeTheMirrorsOfItsTypeAreKnown(t *testing.T) {
	r := newRig(t)
	r.Serve(map[schema.GroupVersionResource]string{configMapsType: "ConfigMap", secretsType: "Secret"})
	for _, name := range []string{"a", "b", "c", "d"} {
		r.Namespaces().Set(&mirror.Namespace{Identity: mirror.Identity{Name: name}})
	}
	tells := make(chan func(*mirror.Origin), 9)
	r.watchOrigin = func(_ context.Context, _ schema.GroupVersionResource, _, _ string, seen func(*mirror.Origin)) {
		tells <- seen
	}
	u := r.asking("src", "s", map[string]string{api.AnnotationMirrorOf: "secrets/db", api.AnnotationTargetNamespaces: "a,b,c,d", api.AnnotationMaxTargets: "2"})
	u.SetFinalizers([]string{api.Finalizer})
	r.see(u)
	r.Ready(configMapsType)
	r.source = &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "YQ=="}, "metadata": map[string]any{"namespace": "src", "name": "db", "uid": "x"}}}
	(<-tells)(&mirror.Origin{Object: r.source})
	r.work()
	for _, namespace := range []string{"c", "d"} {
		m := r.object(namespace, api.LabelMirror, "")
		m.SetName("db")
		annotations := m.GetAnnotations()
		annotations[api.AnnotationSourceType] = "configmaps"
		annotations[api.AnnotationMirrorID] = mirror.MirrorID(secretsType.GroupResource(), namespace, "db")
		m.SetAnnotations(annotations)
		r.MirrorsOf(secretsType).Set(mirror.NewRecord(secretsType.GroupResource(), m))
	}
	r.work()
	if r.patches+r.deletes+r.creates > 0 {
		t.Errorf("before they are known: %d patches (%v), %d deletes, %d creates", r.patches, r.patched, r.deletes, r.creates)
	}
	r.Ready(secretsType)
	r.work()
	if chosen := r.states[r.sourceKey()].Selected; r.deletes > 0 || !chosen["c"] || !chosen["d"] {
		t.Errorf("%d deletes; chosen are %v", r.deletes, chosen)
	}
}

func TestARequestForWhatIsOutsideReadsTheSameWhetherItIsThereOrNot(t *testing.T) {
	var said []string
	for _, there := range []bool{true, false} {
		r := newRig(t)
		r.Settings.Sources, _ = pattern.Parse("team-*", pattern.InNamespaceName)
		r.team()
		r.Ready(configMapsType)
		if there {
			r.inPlace = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "src", Name: "s", Labels: map[string]string{api.LabelEnabled: "true"}}}
		}
		key := r.request("q", "configmaps/src/s")
		if r.work() == most {
			t.Error("it is looked at for ever")
		}
		said = append(said, fmt.Sprint(r.tables.source(key).Mode, r.tables.source(key).Reason))
	}
	if said[0] != said[1] {
		t.Errorf("it reads %q", said)
	}
}

// counting is the server, which counts what it is asked.
type counting struct {
	server
	gets *int
}

func (c counting) Resource(schema.GroupVersionResource) metadata.Getter { return c }
func (c counting) Namespace(string) metadata.ResourceInterface          { return c }
func (c counting) Get(ctx context.Context, name string, o metav1.GetOptions, sub ...string) (*metav1.PartialObjectMetadata, error) {
	*c.gets++
	return c.server.Get(ctx, name, o, sub...)
}

func TestI3AChangeOfASourceThatRefusesAsksTheServerNothing(t *testing.T) {
	r := newRig(t)
	r.Ready(configMapsType)
	gets := 0
	r.Controller.sources.client.Metadata = counting{server{rig: r}, &gets}
	r.see(r.asking("src", "s", nil))
	for n := range 20 {
		r.request(fmt.Sprint("q", n), "configmaps/src/s")
	}
	r.workItOff()
	u := r.asking("src", "s", nil)
	u.Object["data"] = map[string]any{"a": "changed"}
	r.see(u)
	r.workItOff()
	if gets > 0 {
		t.Errorf("%d questions", gets)
	}
}

func TestASourceIsToldWhenSomebodyDoesNotAskForItAnyMore(t *testing.T) {
	for it, end := range map[string]func(r *rig, key mirror.SourceKey){
		"the request goes": func(r *rig, key mirror.SourceKey) {
			r.SourcesOf(configMapsType).Gone(key.NamespacedName(), "u-q", r.next())
		},
		"it is turned off": func(r *rig, _ mirror.SourceKey) {
			r.see(r.asking("team-a", "q", map[string]string{api.AnnotationMirrorOf: "configmaps/src/s", api.AnnotationSync: "false"}))
		},
		"it asks for another": func(r *rig, _ mirror.SourceKey) { r.request("q", "configmaps/src/other") },
	} {
		r := newRig(t)
		r.team()
		r.Ready(configMapsType)
		source := r.see(r.asking("src", "s", map[string]string{api.AnnotationAllowTo: "*"}))
		key := r.request("q", "configmaps/src/s")
		r.work()
		if n := r.origins.takers[source]; n != 1 {
			t.Fatalf("%d take it", n)
		}
		r.sources.keys, r.sources.later = nil, nil
		end(r, key)
		if n := r.origins.takers[source]; n != 0 || !strings.Contains(fmt.Sprint(r.sources.later), source.String()) {
			t.Errorf("%s: %d take it, and it is not looked at: %v", it, n, r.sources.later)
		}
	}
}

func TestObjectsThatAreStoodForAreBoundedAndOneThatGoesMakesRoom(t *testing.T) {
	r := newRig(t)
	r.target()
	r.Ready(configMapsType)
	var last mirror.SourceKey
	for n := range maxOriginsBy + 1 {
		name := fmt.Sprint("s", n)
		last = r.see(r.asking("src", name, map[string]string{api.AnnotationMirrorOf: "configmaps/named-" + name, api.AnnotationTargetNamespaces: "a"}))
	}
	r.workItOff()
	if src := r.tables.source(last); src.Mode != mirror.Stopped || !strings.Contains(src.Reason, "too many") {
		t.Fatalf("one too many is %v: %s", src.Mode, src.Reason)
	}
	r.SourcesOf(configMapsType).Gone(types.NamespacedName{Namespace: "src", Name: "s0"}, "u-s0", r.next())
	r.workItOff()
	if src := r.tables.source(last); src.Mode != mirror.On || len(r.origins.watched) != maxOriginsBy {
		t.Errorf("when there is room it is %v: %s; %d are watched", src.Mode, src.Reason, len(r.origins.watched))
	}
}
