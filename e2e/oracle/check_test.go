package oracle

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const cluster = `
- {kind: Namespace, metadata: {name: t-src}}
- {kind: Namespace, metadata: {name: t-a}}
- {kind: Namespace, metadata: {name: t-b, labels: {kubemirror.raczylo.com/allow-mirrors: "false"}}}
- {kind: Namespace, metadata: {name: t-c, annotations: {kubemirror.raczylo.com/allow-from: other}}}
- {kind: Namespace, metadata: {name: other}}
- kind: ConfigMap
  metadata:
    namespace: t-src
    name: db
    uid: u1
    labels: {kubemirror.raczylo.com/enabled: "true", team: blue, app.kubernetes.io/instance: x}
    annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: all, kubemirror.raczylo.com/sync-status: 1/1 synced}
    finalizers: [kubemirror.raczylo.com/finalizer]
  data: {key: s3cret}
- kind: ConfigMap
  metadata:
    namespace: t-a
    name: db
    labels: {kubemirror.raczylo.com/mirror: "true", kubemirror.raczylo.com/managed-by: kubemirror, team: blue, theirs.example.com/x: z}
    annotations:
      kubemirror.raczylo.com/mirror-id: configmaps/t-a/db
      kubemirror.raczylo.com/source-namespace: t-src
      kubemirror.raczylo.com/source-name: db
      kubemirror.raczylo.com/source-uid: u1
      kubemirror.raczylo.com/source-content-hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      kubemirror.raczylo.com/last-sync-time: "2026-01-01T00:00:00Z"
  data: {key: s3cret}
- {kind: ConfigMap, metadata: {namespace: t-b, name: theirs}, data: {key: theirs}}
`

// state is the cluster as it should be.
func state(t *testing.T) *State {
	t.Helper()
	var objects []map[string]any
	if err := yaml.Unmarshal([]byte(cluster), &objects); err != nil {
		t.Fatal(err)
	}
	s := &State{Included: []string{"t-*"}, Honoured: []string{"t-*"}, Foreign: map[Place]string{}, Sources: map[Place]string{}}
	for _, o := range objects {
		u := unstructured.Unstructured{Object: o}
		if u.GetKind() == "Namespace" {
			s.Namespaces = append(s.Namespaces, u)
			continue
		}
		s.Objects = append(s.Objects, u)
	}
	s.Sources[PlaceOf(source(s))] = Author(source(s))
	s.Foreign[PlaceOf(theirs(s))] = Whole(theirs(s))
	s.Before = s.Mirrors()
	return s
}

func source(s *State) *unstructured.Unstructured { return &s.Objects[0] }
func mirror(s *State) *unstructured.Unstructured { return &s.Objects[1] }
func theirs(s *State) *unstructured.Unstructured { return &s.Objects[2] }

// annotate sets an annotation of ours, and has the author have meant that.
func annotate(s *State, key, value string) {
	set(source(s), domain+key, value)
	s.Sources[PlaceOf(source(s))] = Author(source(s))
}

// limit has one more namespace asked for, before the others by name, and a limit.
func limit(s *State, targets string) {
	s.Namespaces = append(s.Namespaces, unstructured.Unstructured{Object: map[string]any{"kind": "Namespace", "metadata": map[string]any{"name": "t-0"}}})
	annotate(s, "max-targets", targets)
}

func set(o *unstructured.Unstructured, key, value string) {
	annotations := o.GetAnnotations()
	annotations[key] = value
	o.SetAnnotations(annotations)
}

func TestWhatIsWrongIsTold(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(*State)
		says string
	}{
		"nothing":              {func(*State) {}, ""},
		"a mirror is missing":  {func(s *State) { s.Objects = append(s.Objects[:1:1], s.Objects[2:]...) }, "there is no mirror"},
		"other content":        {func(s *State) { mirror(s).Object["data"] = map[string]any{"key": "two"} }, "its content is not the source's"},
		"a field too many":     {func(s *State) { mirror(s).Object["immutable"] = true }, "its content is not the source's"},
		"a label too many":     {func(s *State) { mirror(s).SetLabels(source(s).GetLabels()) }, "it is no mirror"},
		"a tool's annotation":  {func(s *State) { set(mirror(s), "argocd.argoproj.io/tracking-id", "x") }, "its annotations are"},
		"another object's uid": {func(s *State) { set(mirror(s), domain+"source-uid", "u2") }, "its annotations are"},
		"a foreign object":     {func(s *State) { theirs(s).SetResourceVersion("2") }, "it is somebody's"},
		"nobody's object": {func(s *State) {
			s.Objects = append(s.Objects, *theirs(s).DeepCopy())
			s.Objects[3].SetName("new")
		}, "it is not to be here"},
		"the source":                       {func(s *State) { source(s).Object["data"] = nil }, "not as its author left it"},
		"the finalizer":                    {func(s *State) { source(s).SetFinalizers(nil) }, "it has 1 mirrors, and our finalizer on it: false"},
		"the status":                       {func(s *State) { set(source(s), domain+"sync-status", "0/1 synced: x") }, "its status is"},
		"a mirror of a source that is off": {func(s *State) { annotate(s, "sync", "false") }, "it is not to be here"},
		"a mirror that is not asked for":   {func(s *State) { annotate(s, "target-namespaces", "all,!t-?") }, "it is not to be here"},
		"the mirror of another name":       {func(s *State) { annotate(s, "target-name", "x") }, "ConfigMap t-a/x: there is no mirror"},
		"the namespace asks for nobody":    {func(s *State) { annotate(s, "target-namespaces", "all-labeled") }, "it is not to be here"},
		"a rule that was not followed":     {func(s *State) { annotate(s, "transform", "rules: [{path: data.key, value: other}]") }, "its content is not the source's"},
		"a rule on a label":                {func(s *State) { annotate(s, "transform", "rules: [{path: metadata.labels, merge: {team: red}}]") }, "its labels are"},
		"nothing: rules are followed": {func(s *State) {
			annotate(s, "transform", "rules: [{path: data.key, delete: true}, {path: data.other, value: x, optional: true}]")
			mirror(s).Object["data"] = map[string]any{"other": "x"}
		}, ""},
		"rules that can't be read":     {func(s *State) { annotate(s, "transform", "rules: [{path: data.key}]") }, "its status is"},
		"a limit that leaves some out": {func(s *State) { limit(s, "1") }, "its status is"},
		"the one that had none": {func(s *State) {
			limit(s, "1")
			mirror(s).SetNamespace("t-0")
		}, "ConfigMap t-a/db: there is no mirror"},
		"nothing: a limit leaves some out": {func(s *State) {
			limit(s, "1")
			set(source(s), domain+"sync-status", "1/2 synced: one over it")
		}, ""},
		"a mirror that is frozen, and was changed": {func(s *State) {
			annotate(s, "exlude", "true")
			set(source(s), domain+"sync-status", "stopped: x")
			set(mirror(s), domain+"last-sync-time", "2026-01-01T00:00:01Z")
		}, "it is not as it was"},
		"nothing: a mirror is frozen": {func(s *State) {
			annotate(s, "paused", "true")
			set(source(s), domain+"sync-status", "paused")
			source(s).Object["data"] = map[string]any{"key": "two"}
			s.Sources[PlaceOf(source(s))] = Author(source(s))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := state(t)
			row.do(s)
			err := s.Check()
			if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
				t.Errorf("it says %v, want %q", err, row.says)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("it shows content: %v", err)
			}
		})
	}
}
