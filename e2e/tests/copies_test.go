package tests

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// isCopyOf is the check of a mirror that is all that the contract says of one of
// this source, where no rule changes it and no key of its metadata is left out.
func isCopyOf(src *unstructured.Unstructured) kit.Check {
	labels := map[string]string{domain + "mirror": "true", domain + "managed-by": "kubemirror"}
	maps.Copy(labels, usersKeys(src.GetLabels()))
	return func(o *unstructured.Unstructured) error {
		errs := []error{sameFields(o, src), hasMarks(o, src)}
		if got := o.GetLabels(); !maps.Equal(got, labels) {
			errs = append(errs, fmt.Errorf("its labels are %v, want %v", got, labels))
		}
		if got, want := usersKeys(o.GetAnnotations()), usersKeys(src.GetAnnotations()); !maps.Equal(got, want) {
			errs = append(errs, fmt.Errorf("its annotations are %v, want %v", got, want))
		}
		if len(o.GetOwnerReferences()) > 0 || len(o.GetFinalizers()) > 0 {
			errs = append(errs, fmt.Errorf("it has owners %v and finalizers %q", o.GetOwnerReferences(), o.GetFinalizers()))
		}
		return errors.Join(errs...)
	}
}

// usersKeys is labels or annotations less those of the product.
func usersKeys(all map[string]string) map[string]string {
	theirs := map[string]string{}
	for key, value := range all {
		if !strings.HasPrefix(key, domain) {
			theirs[key] = value
		}
	}
	return theirs
}

// sameFields compares all top-level fields but metadata and status, less what the
// server gives to each Service by itself.
func sameFields(o, src *unstructured.Unstructured) error {
	got, want := fieldsOf(o), fieldsOf(src)
	var errs []error
	for field := range want {
		if !reflect.DeepEqual(got[field], want[field]) {
			errs = append(errs, fmt.Errorf("its %s is %.500v, want %.500v", field, fmt.Sprint(got[field]), fmt.Sprint(want[field])))
		}
	}
	for field := range got {
		if _, ok := want[field]; !ok {
			errs = append(errs, fmt.Errorf("it has a %s, which its source has not", field))
		}
	}
	return errors.Join(errs...)
}

func fieldsOf(o *unstructured.Unstructured) map[string]any {
	fields := o.DeepCopy().Object
	delete(fields, "metadata")
	delete(fields, "status")
	if spec, ok := fields["spec"].(map[string]any); ok && o.GetKind() == "Service" {
		delete(spec, "healthCheckNodePort")
		if spec["clusterIP"] != "None" {
			delete(spec, "clusterIP")
			delete(spec, "clusterIPs")
		}
		if spec["type"] == "ExternalName" {
			delete(spec, "internalTrafficPolicy") // the server shows it in watches only
		}
		ports, _ := spec["ports"].([]any)
		for _, port := range ports {
			delete(port.(map[string]any), "nodePort")
		}
	}
	return fields
}

var sha256InHex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// hasMarks checks the annotations of the product on a mirror.
func hasMarks(o, src *unstructured.Unstructured) error {
	marks := o.GetAnnotations()
	maps.DeleteFunc(marks, func(key, _ string) bool { return !strings.HasPrefix(key, domain) })
	take := func(key string) string {
		value := marks[domain+key]
		delete(marks, domain+key)
		return value
	}
	var errs []error
	want := map[string]string{
		"source-namespace": src.GetNamespace(), "source-name": src.GetName(), "source-uid": string(src.GetUID()),
		"mirror-id": idOf(o), "source-keys": keysOf(src),
	}
	for key, value := range want {
		if got := take(key); got != value {
			errs = append(errs, fmt.Errorf("its %s is %q, want %q", key, got, value))
		}
	}
	// The generation is that of the write's moment, and with a few kinds it grows with
	// annotations, our own status among them.
	if generation := take("source-generation"); (generation != "" || src.GetGeneration() > 0) && !notAfter(generation, strconv.FormatInt(src.GetGeneration(), 10)) {
		errs = append(errs, fmt.Errorf("its source-generation is %q, and the source's %d", generation, src.GetGeneration()))
	}
	if hash := take("source-content-hash"); !sha256InHex.MatchString(hash) {
		errs = append(errs, fmt.Errorf("its source-content-hash is %q", hash))
	}
	// Our own status gives the source new versions, before and after this one was read.
	if version := take("source-resource-version"); !notAfter(version, strconv.Itoa(math.MaxInt64)) {
		errs = append(errs, fmt.Errorf("its source-resource-version is %q", version))
	}
	if last, err := time.Parse(time.RFC3339, take("last-sync-time")); err != nil || last.After(time.Now().Add(time.Minute)) {
		errs = append(errs, fmt.Errorf("its last-sync-time is %v: %w", last, err))
	}
	if len(marks) > 0 {
		errs = append(errs, fmt.Errorf("it has annotations of the product that mean nothing there: %v", marks))
	}
	return errors.Join(errs...)
}

// idOf is what an object that is a mirror says of itself: RESOURCE[.GROUP]/NAMESPACE/NAME.
// The kinds of these tests have regular plurals.
func idOf(o *unstructured.Unstructured) string {
	gvk := o.GroupVersionKind()
	resource := strings.TrimSuffix(strings.ToLower(gvk.Kind)+"s."+gvk.Group, ".")
	return resource + "/" + o.GetNamespace() + "/" + o.GetName()
}

// keysOf is the list of the labels and annotations that a mirror has of its source,
// where none is left out or changed by a rule.
func keysOf(src *unstructured.Unstructured) string {
	list := func(m map[string]string) string { return strings.Join(slices.Sorted(maps.Keys(usersKeys(m))), ",") }
	if both := list(src.GetLabels()) + ";" + list(src.GetAnnotations()); both != ";" {
		return both
	}
	return "" // and then it isn't there
}

func notAfter(version, other string) bool {
	a, err := strconv.ParseUint(version, 10, 64)
	b, otherErr := strconv.ParseUint(other, 10, 64)
	return err == nil && otherErr == nil && a <= b
}
