package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// rule changes one place of a copy of its source.
type rule struct {
	Path     string         `json:"path"`
	Value    any            `json:"value"`
	Merge    map[string]any `json:"merge"`
	Delete   bool           `json:"delete"`
	Optional bool           `json:"optional"`
}

// rulesOf reads the rules of a source; an error stops it.
func rulesOf(source *unstructured.Unstructured) ([]rule, error) {
	var text struct {
		Rules []rule `json:"rules"`
	}
	if err := yaml.UnmarshalStrict([]byte(source.GetAnnotations()[domain+"transform"]), &text); err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	for _, r := range text.Rules {
		actions := 0
		for _, is := range []bool{r.Value != nil, r.Merge != nil, r.Delete} {
			if is {
				actions++
			}
		}
		if actions != 1 || r.Path == "" {
			return nil, errors.New("a rule has one path and one action")
		}
	}
	return text.Rules, nil
}

// ruled is a source as its rules have it.
func ruled(source *unstructured.Unstructured) *unstructured.Unstructured {
	rules, err := rulesOf(source)
	if err != nil {
		panic(err) // it is stopped, and nobody asks
	}
	o := source.DeepCopy()
	for _, r := range rules {
		steps := strings.Split(r.Path, ".")
		switch {
		case r.Delete:
			unstructured.RemoveNestedField(o.Object, steps...)
		case r.Merge != nil:
			for key, value := range r.Merge {
				place(o, append(slices.Clip(steps), key), value)
			}
		default:
			place(o, steps, r.Value)
		}
	}
	return o
}

// place sets a field, with the maps that lead to it.
func place(o *unstructured.Unstructured, steps []string, value any) {
	if err := unstructured.SetNestedField(o.Object, value, steps...); err != nil {
		panic(err) // the test's own rules
	}
}
