package cleanup

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

func TestOnlySourcesOfTheNamedNamespacesAndTheirMirrorsAreCleanedUp(t *testing.T) {
	for _, row := range []struct {
		it, namespaces string
		released       []string
		deleted        []string
	}{
		{"by name", "team-a", []string{"of-a"}, []string{"from-a"}},
		{"by glob", "team-*", []string{"of-a", "of-b"}, []string{"from-a", "from-b"}},
		{"by a glob that matches everything", "*", []string{"of-a", "of-b", "of-other"}, []string{"from-a", "from-b", "from-other"}},
		{"of a namespace that has none", "nobody", nil, nil},
		{"all where none is named, but for what names no source", "", []string{"of-a", "of-b", "of-other"}, []string{"from-a", "from-b", "from-other"}},
	} {
		t.Run(row.it, func(t *testing.T) {
			s, c := newServer(t)
			for namespace, name := range map[string]string{"team-a": "a", "team-b": "b", "other": "other"} {
				s.add("secrets", "of-"+name, []string{api.Finalizer}, nil).Namespace = namespace
				s.addMirror("from-"+name, namespace)
			}
			s.addMirror("from-nowhere", "")
			s.addMirror("child", "team-a").Annotations[api.AnnotationMirrorID] = "configmaps/ns/parent"
			s.add("secrets", "labelled", nil, map[string]string{api.LabelMirror: "true"})
			var deleted []string
			s.refuse = func(r *http.Request) *metav1.Status {
				if r.Method != http.MethodDelete {
					return nil
				}
				deleted = append(deleted, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
				return &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess, Code: http.StatusOK}
			}
			var err error
			if c.SourceNamespaces, err = pattern.Parse(row.namespaces, pattern.InNamespaceName); err != nil {
				t.Fatal(err)
			}
			c.Out, c.Named, c.DeleteMirrors = &strings.Builder{}, only, true
			if err := Run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			var released []string
			for _, o := range s.objects["secrets"] {
				if strings.HasPrefix(o.Name, "of-") && len(o.Finalizers) == 0 {
					released = append(released, o.Name)
				}
			}
			slices.Sort(released)
			slices.Sort(deleted)
			slices.Sort(row.deleted)
			if !slices.Equal(released, row.released) || !slices.Equal(deleted, row.deleted) {
				t.Errorf("%q are released and %q are deleted, want %q and %q", released, deleted, row.released, row.deleted)
			}
		})
	}
}

func TestAMirrorThatTurnsOutToBeOfAnotherSourceIsNotDeleted(t *testing.T) {
	s, c := newServer(t)
	o := s.addMirror("a", "team-a")
	deletes := 0
	s.refuse = func(r *http.Request) *metav1.Status {
		if r.Method != http.MethodDelete {
			return nil
		}
		deletes++
		o.Annotations[api.AnnotationSourceNamespace], o.ResourceVersion = "team-b", "2"
		return refusal(http.StatusConflict, metav1.StatusReasonConflict)
	}
	c.SourceNamespaces, _ = pattern.Parse("team-a", pattern.InNamespaceName)
	c.Out, c.Named, c.DeleteMirrors = &strings.Builder{}, only, true
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if deletes != 1 {
		t.Errorf("it asked %d times to delete it", deletes)
	}
}
