package explain

import (
	"errors"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// plain is a mirror without what makes it one: a user may not make mirrors where the
// policy on forgeries is, and is only to learn what the server thinks of the rest.
func plain(o *unstructured.Unstructured) *unstructured.Unstructured {
	without := func(keys map[string]string) map[string]string {
		keys = maps.Clone(keys)
		maps.DeleteFunc(keys, func(key, _ string) bool { return strings.HasPrefix(key, api.Domain+"/") })
		return keys
	}
	o.SetLabels(without(o.GetLabels()))
	o.SetAnnotations(without(o.GetAnnotations()))
	return o
}

// reason is why the server didn't answer as asked, without a word of what was asked about.
func reason(err error) string {
	status := apierrors.APIStatus(nil)
	switch {
	case apierrors.IsForbidden(err):
		return "you may not"
	case errors.As(err, &status):
		return string(status.Status().Reason)
	}
	return err.Error()
}
