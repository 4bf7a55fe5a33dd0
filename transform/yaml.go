package transform

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The YAML is read as nodes, not into Go values, for three reasons: an alias
// that names an alias can make gigabytes out of a kilobyte, so aliases must be
// refused before they are followed; numbers keep their kind; and errors can
// name the line and leave out the library's text, which may quote content.

var yamlLine = regexp.MustCompile(`^yaml: line (\d+):`)

// parseYAML reads text as exactly one YAML document.
func parseYAML(text string) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the text is empty")
	}
	if err == nil {
		if decoder.Decode(&more) == nil {
			return nil, errors.New("there is more than one YAML document: keep one")
		}
		return document.Content[0], nil
	}
	if line := yamlLine.FindStringSubmatch(err.Error()); line != nil {
		return nil, fmt.Errorf("the text is not YAML: look from line %s on (text that holds {{ or starts with * needs quotes)", line[1])
	}
	return nil, errors.New("the text is not YAML (text that holds {{ or starts with * needs quotes)")
}

// lineError is an error at the line of a node.
func lineError(n *yaml.Node, reason string) error {
	return fmt.Errorf("line %d: %s", n.Line, reason)
}

// fieldsOf calls each with the fields of a mapping in order. It refuses other
// nodes, keys that aren't plain, and doubled keys.
func fieldsOf(n *yaml.Node, each func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return lineError(n, "expected a map")
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			return lineError(key, "expected a plain key (aliases and << are not supported)")
		}
		if seen[key.Value] {
			return lineError(key, "the key is there twice")
		}
		seen[key.Value] = true
		if err := each(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// valueOf turns a node into the types that unstructured content is made of:
// map[string]any, []any, string, int64, float64, bool and nil.
func valueOf(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return scalarOf(n)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := valueOf(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		err := fieldsOf(n, func(key, value *yaml.Node) (err error) {
			m[key.Value], err = valueOf(value)
			return err
		})
		return m, err
	default:
		return nil, lineError(n, "aliases are not supported: write the value out")
	}
}

func scalarOf(n *yaml.Node) (any, error) {
	var err error
	switch n.ShortTag() {
	case "!!str", "!!timestamp": // JSON has no dates: they are text
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!bool":
		var v bool
		if err = n.Decode(&v); err == nil {
			return v, nil
		}
	case "!!int":
		var v int64
		if err = n.Decode(&v); err == nil {
			return v, nil
		}
	case "!!float":
		var v float64
		if err = n.Decode(&v); err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
			return v, nil
		}
	}
	return nil, lineError(n, "the value is neither text, truth value, null nor a number that JSON can hold: put it in quotes")
}

// textOf returns the text of a node that must be text.
func textOf(n *yaml.Node) (string, error) {
	v, err := valueOf(n)
	if err != nil {
		return "", err
	}
	text, ok := v.(string)
	if !ok {
		return "", lineError(n, "expected text: put it in quotes")
	}
	return text, nil
}
