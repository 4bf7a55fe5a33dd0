package transform

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"
)

// copyFrom puts at the rule's path what is at another one, as the rules before have left
// it, in the form of the new place. That there was nothing at the path before is no
// problem: to give it a name is what most such rules are for.
func (e *editing) copyFrom(r rule) error {
	from, to := e.data.place(r.from), e.data.place(r.path)
	if err := cmp.Or(e.data.checkPlace(from), e.data.checkPlace(to)); err != nil {
		return err
	}
	found, _, err := find(e.object, from)
	switch {
	case err != nil:
		return fmt.Errorf("from: %w", err)
	case found == nil:
		return r.missing("there is nothing at " + r.fromText + ", so nothing was put in place")
	}
	if _, _, err := find(e.object, to); err != nil {
		return err
	}
	from, to = resolved(e.object, from), resolved(e.object, to)
	if from.overlaps(to) { // by two numbers for one element of a list
		return errOverlap
	}
	if holdsDomainKey(found) {
		return errDomain
	}
	value, err := e.data.inForm(found, from, to)
	if err != nil {
		return err
	}
	if err := e.data.checkTwins(e.object, r.move, from, to, value); err != nil {
		return err
	}
	if err := e.charge(found, r.move); err != nil {
		return err
	}
	e.mine.share(from)
	e.put(to, setValue, value)
	if r.move {
		e.put(from, remove, nil)
	}
	return nil
}

// charge takes what a copy weighs from what rules may write: copies of copies would double
// with each rule. What is moved weighs no more than before.
func (e *editing) charge(value any, moved bool) error {
	if moved {
		return nil
	}
	rest := weigh(value, e.output)
	if rest < 0 {
		return errTooMuch
	}
	e.output = rest
	return nil
}

// weigh takes about what a value weighs as JSON from rest, and stops where nothing is left.
func weigh(value any, rest int) int {
	rest -= 2
	switch v := value.(type) {
	case string:
		rest -= len(v)
	case map[string]any:
		for key, below := range v {
			if rest < 0 {
				return rest
			}
			rest = weigh(below, rest-len(key)-4)
		}
	case []any:
		for _, below := range v {
			if rest < 0 {
				return rest
			}
			rest = weigh(below, rest-1)
		}
	default:
		rest -= 6
	}
	return rest
}

// form is how a place holds data.
type form int

const (
	anyForm    form = iota
	textForm        // UTF-8 text
	base64Form      // any bytes, as base64
)

// formAt is the form of a place that checkPlace let through.
func (d dataKind) formAt(p path) form {
	switch {
	case d == secretData && p[0].key == "data", d == textData && p[0].key == "binaryData":
		return base64Form
	case d == textData && p[0].key == "data", p[0].key == "metadata":
		return textForm
	}
	return anyForm
}

var errNotText = errors.New("what is to be copied is not UTF-8 text, which is all that can be there: binaryData of a ConfigMap and data of a Secret hold any bytes")

// inForm is the value at one place as it is held at another: between a Secret's data, a
// ConfigMap's data and its binaryData, the bytes stay the same.
func (d dataKind) inForm(value any, from, to path) (any, error) {
	in, out := d.formAt(from), d.formAt(to)
	switch v := value.(type) {
	case string:
		if out != anyForm && isWhole(to) {
			return nil, errForm(to)
		}
		return convert(v, in, out)
	case map[string]any:
		if out != anyForm && !isWhole(to) {
			return nil, errForm(to)
		}
		texts, ok := textsOf(v)
		switch {
		case !ok && out != anyForm:
			return nil, errForm(to)
		case !ok || in == out:
			return value, nil
		}
		whole := make(map[string]any, len(texts))
		for key, text := range texts {
			converted, err := convert(text, in, out)
			if err != nil {
				return nil, err
			}
			whole[key] = converted
		}
		return whole, nil
	}
	if out != anyForm {
		return nil, errForm(to)
	}
	return value, nil
}

// isWhole reports whether a place with a form of its own is the map, and not a key in it.
func isWhole(p path) bool { return len(p) == 1 || p[0].key == "metadata" && len(p) == 2 }

func errForm(p path) error {
	switch p[0].key {
	case "metadata":
		return errTextOnly
	case "binaryData":
		return errBinaryData
	}
	return errDataOnly
}

func convert(text string, in, out form) (string, error) {
	if in == out {
		return text, nil
	}
	plain := text
	if in == base64Form {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", errors.New("what is to be copied is not base64") // the error would quote a byte of it
		}
		plain = string(decoded)
	}
	switch {
	case out == base64Form:
		return encode64(plain), nil
	case !utf8.ValidString(plain):
		return "", errNotText
	}
	return plain, nil
}

// checkTwins refuses a key that would be in data and in binaryData of a ConfigMap then,
// which no server takes.
func (d dataKind) checkTwins(object map[string]any, moved bool, from, to path, value any) error {
	other := map[string]string{"data": "binaryData", "binaryData": "data"}[to[0].key]
	if d != textData || other == "" || moved && from[0].key == other && len(from) == 1 {
		return nil
	}
	there, _ := object[other].(map[string]any)
	keys, _ := value.(map[string]any)
	if len(to) == 2 {
		keys = map[string]any{to[1].key: nil}
	}
	for key := range keys {
		_, twin := there[key]
		if leaves := moved && from.overlaps(path{{key: other}, {key: key}}); twin && !leaves {
			return errors.New(`the same key would be in data and in binaryData, which the server refuses: say "move: true", or name another key`)
		}
	}
	return nil
}
