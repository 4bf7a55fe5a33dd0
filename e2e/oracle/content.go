package oracle

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// stripped are some of the keys by which tools would take the copy for their own.
var stripped = []string{"kubectl.kubernetes.io/last-applied-configuration", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "argocd.argoproj.io/tracking-id"}

// Theirs begins the keys that others put on mirrors in tests; they are left alone.
const Theirs = "theirs.example.com/"

// carried is what of a source's labels or annotations its mirrors get.
func carried(keys map[string]string) map[string]string {
	c := map[string]string{}
	for key, value := range keys {
		if !strings.HasPrefix(key, domain) && !matchAny(stripped, key) {
			c[key] = value
		}
	}
	return c
}

// content is every top-level field but metadata and status.
func content(o *unstructured.Unstructured) map[string]any {
	c := maps.Clone(o.Object)
	delete(c, "metadata")
	delete(c, "status")
	return c
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// sameAs says what is wrong with a mirror, as one of that source.
func sameAs(mirror, source *unstructured.Unstructured) error {
	source = ruled(source)
	// What is wrong is named, and never shown: it may be a Secret.
	if !reflect.DeepEqual(content(mirror), content(source)) {
		return errors.New("its content is not the source's")
	}
	labels := carried(source.GetLabels())
	labels[domain+"mirror"], labels[domain+"managed-by"] = "true", "kubemirror"
	if got := withoutTheirs(mirror.GetLabels()); !maps.Equal(got, labels) {
		return fmt.Errorf("its labels are %v, want %v", got, labels)
	}
	annotations := carried(source.GetAnnotations())
	annotations[domain+"mirror-id"] = resources[mirror.GetKind()] + "/" + mirror.GetNamespace() + "/" + mirror.GetName()
	annotations[domain+"source-namespace"] = source.GetNamespace()
	annotations[domain+"source-name"] = source.GetName()
	annotations[domain+"source-uid"] = string(source.GetUID())
	got := withoutTheirs(mirror.GetAnnotations())
	if hash := got[domain+"source-content-hash"]; !sha256Hex.MatchString(hash) {
		return fmt.Errorf("its source-content-hash is %q", hash)
	}
	if _, err := time.Parse(time.RFC3339, got[domain+"last-sync-time"]); err != nil {
		return fmt.Errorf("its last-sync-time: %w", err)
	}
	for _, of := range []string{"source-content-hash", "last-sync-time", "source-resource-version", "source-keys"} {
		delete(got, domain+of)
	}
	if !maps.Equal(got, annotations) {
		return fmt.Errorf("its annotations are %v, want %v", got, annotations)
	}
	if len(mirror.GetOwnerReferences())+len(mirror.GetFinalizers()) > 0 || mirror.GetDeletionTimestamp() != nil {
		return errors.New("it has an owner or a finalizer, or is being deleted")
	}
	return nil
}

func withoutTheirs(keys map[string]string) map[string]string {
	c := maps.Clone(keys)
	maps.DeleteFunc(c, func(key, _ string) bool { return strings.HasPrefix(key, Theirs) })
	return c
}
