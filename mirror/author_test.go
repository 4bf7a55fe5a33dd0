package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/transform"
)

var askingAboutAuthors = Settings{MaxTargets: 100, Authors: &Authors{Issuer: "policy"}, Transform: transform.Limits{MaxRules: 50, MaxSize: 10 << 10, MaxOutput: 1 << 20, Timeout: 1e9}}

func stampedBy(stamp string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"}}}
	u.SetNamespace("src")
	u.SetName("s")
	u.SetLabels(map[string]string{api.LabelEnabled: "true"})
	u.SetAnnotations(map[string]string{api.AnnotationSync: "true", api.AnnotationTargetNamespaces: "a", api.AnnotationAuthor: stamp,
		api.AnnotationTransform: `rules: [{path: data.a, template: "{{index .Annotations \"` + api.AnnotationAuthor + `\" | default \"nobody\"}}"}]`})
	return u
}

func TestANewAuthorIsAnotherSpecAndTheSameMirrors(t *testing.T) {
	before, after := askingAboutAuthors.NewSource(configMaps.GroupResource(), stampedBy("policy\nann")), askingAboutAuthors.NewSource(configMaps.GroupResource(), stampedBy("policy\nbob"))
	if before.Mode != On || SameSpec(before, after) {
		t.Fatalf("it is %d (%s), and its namespaces are looked at again: %v", before.Mode, before.Reason, !SameSpec(before, after))
	}
	was, problems := before.Desired(namespaceOf("a"), "s")
	is, _ := after.Desired(namespaceOf("a"), "s")
	if len(problems) > 0 || was.Content != is.Content || was.Metadata != is.Metadata {
		t.Errorf("its mirrors know who wrote it: %v", problems)
	}
	for key := range is.Annotations {
		if strings.HasSuffix(key, "/author") {
			t.Errorf("mirrors have the annotation %s", key)
		}
	}
}

func TestAnAuthorHasANameAndGroups(t *testing.T) {
	author, problem := askingAboutAuthors.Authors.Of(askingAboutAuthors.NewSource(configMaps.GroupResource(), stampedBy("policy\nann\nteam a\nsystem:authenticated")))
	if problem != nil || author.User != "ann" || !slices.Equal(author.Groups, []string{"team a", "system:authenticated"}) {
		t.Errorf("%+v, %v", author, problem)
	}
	if s := askingAboutAuthors.NewSource(configMaps.GroupResource(), stampedBy("policy\n"+strings.Repeat("a", 200000))); len(s.Stamp()) > 0 {
		t.Errorf("a stamp that no policy wrote is kept, of %d bytes", len(s.Stamp()))
	}
	crowded := stampedBy("policy\nann")
	annotations := crowded.GetAnnotations()
	for n := range maxKeys {
		annotations[fmt.Sprint("k", n)] = ""
	}
	crowded.SetAnnotations(annotations)
	if _, problem := askingAboutAuthors.Authors.Of(askingAboutAuthors.NewSource(configMaps.GroupResource(), crowded)); problem == nil {
		t.Error("what no policy looks at has an author")
	}
	if _, problem := askingAboutAuthors.Authors.Of((&Settings{}).NewSource(configMaps.GroupResource(), stampedBy("policy\nann"))); problem == nil {
		t.Error("where nobody is asked about, stamps are kept")
	}
}

func TestTheRightsThatAMirrorTakesAreThoseThatTheServerWouldAskFor(t *testing.T) {
	rbac := func(kind string, more map[string]any) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": map[string]any{"namespace": "src", "name": "s"}}}
		maps.Copy(u.Object, more)
		return u
	}
	refers := func(kind string) map[string]any {
		return map[string]any{"roleRef": map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "admin"}}
	}
	group := schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	create := func(resource schema.GroupVersionResource) Right {
		return Right{Verb: "create", Group: resource.Group, Version: resource.Version, Resource: resource.Resource, Namespace: "a"}
	}
	give := func(verb, resource, name string) Right {
		return Right{Verb: verb, Group: group.Group, Version: group.Version, Resource: resource, Namespace: "a", Name: name}
	}
	for _, row := range []struct {
		object   *unstructured.Unstructured
		resource schema.GroupVersionResource
		more     []Right
	}{
		{stampedBy(""), schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, nil},
		{rbac("Role", nil), group.WithResource("roles"), []Right{give("escalate", "roles", "s")}},
		{rbac("RoleBinding", refers("Role")), group.WithResource("rolebindings"), []Right{give("bind", "roles", "admin")}},
		{rbac("RoleBinding", map[string]any{"roleRef": map[string]any{"kind": "ClusterRole", "name": strings.Repeat("a", 100000)}}), group.WithResource("rolebindings"), []Right{give("bind", "clusterroles", "")}},
		{rbac("RoleBinding", refers("ClusterRole")), group.WithResource("rolebindings"), []Right{give("bind", "clusterroles", "admin")}},
	} {
		want := append([]Right{create(row.resource)}, row.more...)
		if got := askingAboutAuthors.NewSource(configMaps.GroupResource(), row.object).RightsIn(row.resource, "a"); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", row.object.GetKind(), got, want)
		}
	}
}

func TestWhatIsToldOfAnAuthorNamesHimAndTheRightAndHasABound(t *testing.T) {
	p := MayNot(Author{User: "ann"}, Right{Verb: "bind", Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "admin"})
	if !strings.HasPrefix(p.Text, `its author "ann" may not bind clusterroles.rbac.authorization.k8s.io "admin" there, `) {
		t.Errorf("told is %s", p.Text)
	}
	if n := len(MayNot(Author{User: strings.Repeat("a", 10000)}, Right{Name: strings.Repeat("b", 10000)}).Text); n > maxStatus {
		t.Errorf("it has %d bytes", n)
	}
}
