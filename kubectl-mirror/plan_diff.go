package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// differences names the keys that would change, and no values.
func (r row) differences(c change) string {
	if r.unread {
		return "which keys can't be told: you may not read the mirror"
	}
	if r.have == nil {
		return ""
	}
	keys := changedKeys("", visible(c, r.have), visible(c, r.target.Desired()), 2)
	if len(keys) == 0 {
		return "what KubeMirror notes on it"
	}
	return mirror.Enumerate(keys)
}

// visible is what of a mirror its users care for: all but what KubeMirror and the server note
// on it, and what others put there, which stays.
func visible(c change, u *unstructured.Unstructured) map[string]any {
	if u == nil {
		return nil
	}
	v := maps.Clone(mirror.Content(u.Object))
	own := func(keys map[string]string) map[string]any {
		kept := map[string]any{}
		for key, value := range keys {
			if !strings.HasPrefix(key, api.Domain+"/") {
				kept[key] = value
			}
		}
		return kept
	}
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	if u.GetUID() != "" { // the one that is there
		labels, annotations = mirror.OwnKeys(c.kind.Resource.GroupResource(), u)
	}
	v["labels"], v["annotations"] = own(labels), own(annotations)
	return v
}

// changedKeys names what differs between two maps, down to a depth.
func changedKeys(path string, before, after map[string]any, depth int) []string {
	var changed []string
	all := maps.Clone(before)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, after)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		a, b := before[key], after[key]
		if reflect.DeepEqual(a, b) {
			continue
		}
		name := strings.TrimPrefix(path+"."+key, ".")
		if strings.Contains(key, ".") && path != "" {
			name = fmt.Sprintf("%s[%q]", path, key)
		}
		inner, deeper := a.(map[string]any)
		other, also := b.(map[string]any)
		if depth > 1 && (deeper && (also || b == nil) || also && a == nil) {
			changed = append(changed, changedKeys(name, inner, other, depth-1)...)
			continue
		}
		changed = append(changed, name)
	}
	return changed
}

// printDiff prints what a mirror would become, as a unified diff.
func (p *plan) printDiff(c change, r row) error {
	if !r.changes() {
		return nil
	}
	if r.unread {
		_, err := fmt.Fprintf(p.streams.ErrOut, "no diff of %s/%s: you may not read the mirror\n", r.target.Namespace, r.target.Existing())
		return err
	}
	after := r.target.Desired()
	if r.action == "delete" {
		after = nil
	}
	before, now := document(c, r.have), document(c, after)
	if c.kind.Kind == "Secret" && c.kind.Resource.Group == "" && !p.showSecrets {
		mask(before, now)
	}
	diff, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: lines(before), B: lines(now), Context: 3,
		FromFile: r.target.Namespace + "/" + dash(r.target.Existing()), ToFile: r.target.Namespace + "/" + dash(r.target.Mirror),
	})
	if err == nil {
		_, err = fmt.Fprint(p.streams.Out, "\n", diff)
	}
	return err
}

// document is a mirror as its users see it; nil for none.
func document(c change, u *unstructured.Unstructured) map[string]any {
	if u == nil {
		return nil
	}
	d := runtime.DeepCopyJSON(visible(c, u))
	d["apiVersion"], d["kind"] = u.GetAPIVersion(), u.GetKind()
	metadata := map[string]any{"namespace": u.GetNamespace(), "name": u.GetName()}
	for _, field := range []string{"labels", "annotations"} {
		if keys, _ := d[field].(map[string]any); len(keys) > 0 {
			metadata[field] = keys
		}
		delete(d, field)
	}
	d["metadata"] = metadata
	return d
}

func lines(document map[string]any) []string {
	if document == nil {
		return nil
	}
	text, err := yaml.Marshal(document)
	if err != nil {
		return []string{"it can't be written as YAML\n"}
	}
	return difflib.SplitLines(strings.TrimSuffix(string(text), "\n"))
}

// mask takes the values of a Secret out, and marks those that differ, whatever their length:
// as kubectl diff does.
func mask(before, after map[string]any) {
	for _, field := range []string{"data", "stringData"} {
		a, _ := before[field].(map[string]any)
		b, _ := after[field].(map[string]any)
		for key, value := range a {
			other, there := b[key]
			a[key] = "***"
			if there && !reflect.DeepEqual(value, other) {
				a[key], b[key] = "*** (before)", "*** (after)"
			} else if there {
				b[key] = "***"
			}
		}
		for key := range b {
			if _, there := a[key]; !there {
				b[key] = "***"
			}
		}
	}
}
