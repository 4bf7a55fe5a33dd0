package explain

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/pattern"
	"github.com/lukaszraczylo/kubemirror/transform"
)

var configMaps = discovery.Type{Resource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, Kind: "ConfigMap"}

// server is what a Reader is asked.
type server struct {
	objects map[types.NamespacedName]*unstructured.Unstructured
	refuses error // every trial, and with fails every question
	fails   error
}

func (s *server) Existing(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*metav1.PartialObjectMetadata, error) {
	u, err := s.Whole(ctx, resource, namespace, name)
	if u == nil {
		return nil, err
	}
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: u.GetLabels(), Annotations: u.GetAnnotations()}}, nil
}

func (s *server) Whole(_ context.Context, _ schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	return s.objects[types.NamespacedName{Namespace: namespace, Name: name}], s.fails
}

func (s *server) Try(context.Context, schema.GroupVersionResource, *unstructured.Unstructured) error {
	return s.refuses
}

// scene is a source, the namespaces a, b and c, and what is there.
type scene struct {
	*Explainer
	server *server
	source Source
}

func newScene(t *testing.T, annotations map[string]string) *scene {
	t.Helper()
	strip, err := mirror.ParseStrip("")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{api.AnnotationSync: "true", api.AnnotationTargetNamespaces: "a,b"}
	maps.Copy(all, annotations)
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"key": "canary"}}}
	u.SetNamespace("src")
	u.SetName("db")
	u.SetUID("1")
	u.SetLabels(map[string]string{api.LabelEnabled: "true"})
	u.SetAnnotations(all)
	s := &server{objects: map[types.NamespacedName]*unstructured.Unstructured{}}
	e := &Explainer{
		Settings:   &mirror.Settings{MaxTargets: 100, Strip: strip, Transform: transform.Limits{Timeout: time.Second, MaxRules: 50, MaxSize: 10 << 10, MaxOutput: 1 << 20}},
		Namespaces: map[string]*mirror.Namespace{}, Reader: s, Try: true,
	}
	for _, name := range []string{"src", "a", "b", "c"} {
		ns, _ := mirror.IngestNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}})
		e.Namespaces[name] = ns.(*mirror.Namespace)
	}
	return &scene{e, s, Source{Object: u, Type: configMaps, Written: map[types.UID]time.Time{}}}
}

// has puts a mirror of a source there, with that value.
func (s *scene) has(namespace, name, of, value string) {
	u := s.source.Object.DeepCopy()
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetUID(types.UID(namespace + name))
	u.Object["data"] = map[string]any{"key": value}
	u.SetLabels(map[string]string{api.LabelMirror: "true", api.LabelManagedBy: api.ManagedBy})
	uid := "1"
	if of != "db" {
		uid = of
	}
	u.SetAnnotations(map[string]string{
		api.AnnotationMirrorID: "configmaps/" + namespace + "/" + name, api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: of, api.AnnotationSourceUID: uid,
		api.AnnotationContentHash: mirror.HashContent(mirror.Content(u.Object)).String(), api.AnnotationResourceVersion: "1", api.AnnotationLastSyncTime: "2026-01-01T00:00:00Z",
	})
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: api.FieldManager, Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(
		`{"f:data":{".":{},"f:key":{}},"f:metadata":{"f:annotations":{".":{},"f:kubemirror.raczylo.com/source-resource-version":{},"f:kubemirror.raczylo.com/last-sync-time":{}},"f:labels":{".":{},"f:kubemirror.raczylo.com/mirror":{}}}}`)}})
	r := mirror.NewRecord(configMaps.Resource.GroupResource(), u)
	s.server.objects[r.Key()] = u
	s.source.Mirrors = append(s.source.Mirrors, r)
}

// adoptable puts something there that says that it is the source's, and not that it is itself.
func (s *scene) adoptable(namespace, name string) {
	u := s.source.Object.DeepCopy()
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetLabels(map[string]string{api.LabelMirror: "true"})
	u.SetAnnotations(map[string]string{api.AnnotationSourceNamespace: "src", api.AnnotationSourceName: "db"})
	r := mirror.NewRecord(configMaps.Resource.GroupResource(), u)
	s.server.objects[r.Key()] = u
	s.source.Mirrors = append(s.source.Mirrors, r)
}

func (s *scene) explain() Report { return s.Explain(context.Background(), s.source) }

// rows are the targets in a form that is easily compared.
func (s *scene) rows() string {
	report := s.explain()
	var rows []string
	for _, t := range report.Targets {
		rows = append(rows, t.Namespace+": "+string(t.Outcome)+", "+t.Action)
	}
	return strings.Join(rows, "; ")
}

func TestHowEachNamespaceStandsIsWhatTheControllerWouldDo(t *testing.T) {
	for name, row := range map[string]struct {
		annotations map[string]string
		change      func(*scene)
		want        string
	}{
		"nothing is there":     {nil, nil, "a: pending, create; b: pending, create"},
		"a mirror is there":    {nil, func(s *scene) { s.has("a", "db", "db", "canary") }, "a: in sync, none; b: pending, create"},
		"it was tampered with": {nil, func(s *scene) { s.has("a", "db", "db", "other") }, "a: pending, replace; b: pending, create"},
		"one is there that isn't asked for": {nil, func(s *scene) { s.has("c", "db", "db", "canary") },
			"a: pending, create; b: pending, create; c: leaving, delete"},
		"one has a former name": {nil, func(s *scene) { s.has("a", "db", "db", "canary"); s.has("a", "old", "db", "canary") },
			"a: pending, none; b: pending, create"},
		"another source has the name":                               {nil, func(s *scene) { s.has("a", "db", "other", "x") }, "a: blocked, none; b: pending, create"},
		"it is turned off":                                          {map[string]string{api.AnnotationSync: "false"}, func(s *scene) { s.has("a", "db", "db", "canary") }, "a: leaving, delete"},
		"it is turned off, and its mirrors stay behind":             {map[string]string{api.AnnotationSync: "false", api.AnnotationOnDelete: "retain"}, func(s *scene) { s.has("a", "db", "db", "canary") }, "a: leaving, leave"},
		"its mirrors stay behind, but where it wants none any more": {map[string]string{api.AnnotationTargetNamespaces: "b", api.AnnotationOnDelete: "retain"}, func(s *scene) { s.has("a", "db", "db", "canary") }, "a: leaving, delete; b: pending, create"},
		"its mirrors stay behind, but where the namespace refuses": {map[string]string{api.AnnotationSync: "false", api.AnnotationOnDelete: "retain"}, func(s *scene) {
			s.has("a", "db", "db", "canary")
			s.Namespaces["a"].Labels = map[string]string{api.LabelAllowMirrors: "false"}
		}, "a: leaving, delete"},
		"it is excluded":               {map[string]string{api.AnnotationExclude: "true"}, func(s *scene) { s.has("a", "db", "db", "canary") }, "a: leaving, delete"},
		"it is paused":                 {map[string]string{api.AnnotationPaused: "true"}, func(s *scene) { s.has("a", "db", "db", "other") }, "a: kept, none; b: refused, none"},
		"it can't be read":             {map[string]string{api.AnnotationTransform: "rules: ["}, func(s *scene) { s.has("a", "db", "db", "other") }, "a: kept, none"},
		"its type isn't looked at":     {nil, func(s *scene) { s.has("a", "db", "db", "other"); s.source.NotMirrored = "it isn't" }, "a: kept, none; b: refused, none"},
		"its namespace isn't honoured": {nil, func(s *scene) { s.Settings.Sources = globs("x"); s.has("a", "db", "db", "other") }, "a: kept, none; b: refused, none"},
		"the flags leave it out":       {nil, func(s *scene) { s.Settings.Excluded = globs("a"); s.has("a", "db", "db", "canary") }, "a: leaving, delete; b: pending, create"},
		"it is over its limit":         {map[string]string{api.AnnotationMaxTargets: "1"}, func(s *scene) { s.has("b", "db", "db", "canary") }, "a: refused, none; b: in sync, none"},
		"a rule fails, strictly": {map[string]string{api.AnnotationTransform: "rules: [{path: data.no.such, value: x}]", api.AnnotationTransformStrict: "true"}, nil,
			"a: blocked, none; b: blocked, none"},
		"a rule is skipped":                           {map[string]string{api.AnnotationTransform: "rules: [{path: data.other, delete: true}]"}, nil, "a: pending, create; b: pending, create"},
		"the name can't be one":                       {map[string]string{api.AnnotationTargetName: "{{.TargetNamespace}}_x"}, nil, "a: blocked, none; b: blocked, none"},
		"something is there that could be taken over": {nil, func(s *scene) { s.adoptable("a", "db") }, "a: pending, replace; b: pending, create"},
		"the mirror is on its way out": {nil, func(s *scene) { s.has("a", "db", "db", "canary"); s.source.Mirrors[0].Terminating = true },
			"a: pending, none; b: pending, create"},
		"another source has the name, and one of a former name is there": {nil, func(s *scene) { s.has("a", "db", "other", "x"); s.has("a", "old", "db", "canary") },
			"a: blocked, none; b: pending, create"},
		"it is paused, and the namespace refuses": {map[string]string{api.AnnotationPaused: "true"}, func(s *scene) {
			s.has("a", "db", "db", "canary")
			s.Namespaces["a"].Labels = map[string]string{api.LabelAllowMirrors: "false"}
		}, "a: leaving, delete; b: refused, none"},
		"a namespace can't be read":                  {map[string]string{api.AnnotationTargetNamespaces: "?"}, func(s *scene) { s.Namespaces["a"].Unreadable = "x" }, "a: refused, none; b: pending, create; c: pending, create"},
		"authors are asked about, and none is known": {nil, func(s *scene) { s.Settings.Authors = &mirror.Authors{}; s.has("a", "db", "db", "canary") }, "a: in sync, none; b: blocked, create"},
		"the server refuses":                         {nil, func(s *scene) { s.server.refuses = refusal }, "a: blocked, create; b: blocked, create"},
		"the user may not try": {nil, func(s *scene) {
			s.server.refuses = apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "db", errors.New(`User "ann" cannot create resource "configmaps" in API group "" in the namespace "a"`))
		}, "a: pending, create; b: pending, create"},
		"the server doesn't answer": {nil, func(s *scene) { s.server.fails = errors.New("no") }, "a: unclear, none; b: unclear, none"},
		"a namespace isn't there":   {map[string]string{api.AnnotationTargetNamespaces: "a,z"}, nil, "a: pending, create; z: blocked, none"},
		"one namespace is known":    {nil, func(s *scene) { delete(s.Namespaces, "b"); s.OnlySome = true }, "a: pending, create"},
	} {
		s := newScene(t, row.annotations)
		if row.change != nil {
			row.change(s)
		}
		if got := s.rows(); got != row.want {
			t.Errorf("%s: %s\nwant %s", name, got, row.want)
		}
	}
}

// refusal quotes the object, as the server's messages do.
var refusal = apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "canary", nil)

func globs(list string) pattern.List {
	l, err := pattern.Parse(list, pattern.InNamespaceName)
	if err != nil {
		panic(err)
	}
	return l
}

func TestNothingBehindAFailedCheckIsReachedAndNothingIsLeftOut(t *testing.T) {
	s := newScene(t, map[string]string{api.AnnotationMaxTargets: "1"})
	for _, target := range s.explain().Targets {
		var names []string
		ended := false
		for _, check := range target.Checks {
			names = append(names, check.Name)
			if ended != (check.State == NotReached) {
				t.Errorf("%s: %s is %s", target.Namespace, check.Name, check.State)
			}
			ended = ended || check.State == No
		}
		if !slices.Equal(names, s.steps()) {
			t.Errorf("%s: the checks are %v", target.Namespace, names)
		}
	}
}

func TestNoTextHasContent(t *testing.T) {
	for _, change := range []func(*scene){func(*scene) {}, func(s *scene) { s.server.refuses = refusal }, func(s *scene) { s.has("a", "db", "db", "canary"); s.has("b", "db", "db", "x") }} {
		s := newScene(t, nil)
		change(s)
		for _, target := range s.explain().Targets {
			for _, check := range target.Checks {
				if strings.Contains(check.Text+check.Do, "canary") {
					t.Errorf("%+v", check)
				}
			}
		}
	}
}
