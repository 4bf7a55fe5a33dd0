package kube

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestNothingIsWrittenWhenTheTermIsOver(t *testing.T) {
	var asked []string
	c := answering(t, func(out http.ResponseWriter, request *http.Request) {
		asked = append(asked, request.Method)
		out.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(out, `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a"}}`)
	})
	over := false
	c.Bound(func() bool { return over })
	writes := map[string]func() error{
		"create": func() error {
			_, err := c.Writer().Create(t.Context(), secrets, "app", mirror.Body{ContentType: "application/json", Bytes: []byte("{}")}, metav1.CreateOptions{})
			return err
		},
		"patch": func() error {
			_, err := c.Metadata.Resource(secrets).Namespace("app").Patch(t.Context(), "a", types.MergePatchType, []byte("{}"), metav1.PatchOptions{})
			return err
		},
		"delete": func() error {
			return c.Metadata.Resource(secrets).Namespace("app").Delete(t.Context(), "a", metav1.DeleteOptions{})
		},
	}
	for name, write := range writes {
		if err := write(); err != nil {
			t.Errorf("%s in time: %v", name, err)
		}
	}
	over, asked = true, nil
	for name, write := range writes {
		if err := write(); !errors.Is(err, errOver) {
			t.Errorf("%s too late: %v", name, err)
		}
	}
	if _, err := c.Metadata.Resource(secrets).Namespace("app").Get(t.Context(), "a", metav1.GetOptions{}); err != nil {
		t.Errorf("a look too late: %v", err)
	}
	if !slices.Equal(asked, []string{http.MethodGet}) {
		t.Errorf("the server was asked to %q", asked)
	}
}
