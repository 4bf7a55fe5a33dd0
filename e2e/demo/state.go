package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// domain begins every label and annotation of kubemirror.
const domain = "kubemirror.raczylo.com/"

// ref names an object.
type ref struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

// in is the object of the same type and name in another namespace.
func (r ref) in(namespace string) ref {
	r.namespace = namespace
	return r
}

// seen is an object as the last event about it showed it, and when that came.
type seen struct {
	*unstructured.Unstructured
	at time.Time
}

// objects are what the server has, as far as the watches have told.
type objects map[ref]seen

// isSource and isMirror tell what an object is by the marks of the contract.
func isSource(o *unstructured.Unstructured) bool {
	return o.GetLabels()[domain+"enabled"] == "true" && o.GetAnnotations()[domain+"sync"] == "true"
}

func isMirror(o *unstructured.Unstructured) bool { return o.GetLabels()[domain+"mirror"] == "true" }

// sourceOf is the source that a mirror names.
func sourceOf(r ref, mirror *unstructured.Unstructured) ref {
	annotations := mirror.GetAnnotations()
	return ref{r.resource, annotations[domain+"source-namespace"], annotations[domain+"source-name"]}
}

// targets are the namespaces where a source is to have mirrors now.
func (o objects) targets(source *unstructured.Unstructured) []string {
	labeled := map[string]bool{}
	for r, namespace := range o {
		if r.resource == namespaces && namespace.GetDeletionTimestamp() == nil {
			labeled[r.name] = namespace.GetLabels()[domain+"allow-mirrors"] == "true"
		}
	}
	return targets(source.GetAnnotations()[domain+"target-namespaces"], source.GetNamespace(), labeled)
}

// mirrors are the targets of a source that have what they should, in order, and
// when the last of them came to have it.
func (o objects) mirrors(source *unstructured.Unstructured) (inSync []string, last time.Time) {
	r := refTo(source)
	for _, namespace := range o.targets(source) {
		mirror, there := o[r.in(namespace)]
		if there && isMirror(mirror.Unstructured) && equal(source, mirror.Unstructured) {
			inSync = append(inSync, namespace)
			if mirror.at.After(last) {
				last = mirror.at
			}
		}
	}
	return inSync, last
}

// equal reports whether a mirror has the content that it should.
func equal(source, mirror *unstructured.Unstructured) bool {
	if source.GetAnnotations()[domain+"transform"] != "" {
		// To know better would be to write the rules' engine again. This one
		// comes from a template, so it has not merely been copied.
		host, _, _ := unstructured.NestedString(mirror.Object, "data", "HOST")
		return host == mirror.GetNamespace()+".example.com"
	}
	content := func(o *unstructured.Unstructured) map[string]any {
		all := maps.Clone(o.Object)
		delete(all, "metadata")
		delete(all, "status")
		return all
	}
	return reflect.DeepEqual(content(source), content(mirror))
}

// wrong says what is not as the sources ask for, nil if nothing is: a mirror that
// is missing or differs, or one that nobody asks for.
func (o objects) wrong() error {
	var problems []error
	for r, object := range o {
		kind := object.GetKind()
		switch {
		case isMirror(object.Unstructured):
			source, there := o[sourceOf(r, object.Unstructured)]
			if !there || !slices.Contains(o.targets(source.Unstructured), r.namespace) {
				problems = append(problems, fmt.Errorf("%s %s/%s should be gone", kind, r.namespace, r.name))
			}
		case isSource(object.Unstructured):
			inSync, _ := o.mirrors(object.Unstructured)
			for _, namespace := range o.targets(object.Unstructured) {
				if !slices.Contains(inSync, namespace) {
					problems = append(problems, fmt.Errorf("%s %s/%s is not what its source asks for", kind, namespace, r.name))
				}
			}
		}
	}
	return errors.Join(problems...)
}
