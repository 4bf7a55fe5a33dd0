package transform

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// The functions here have the names and the meaning of text/template's own,
// less what can't be bounded and what nobody needs here: printf knows neither
// width nor precision, and there is no call, html, js, urlquery or println.

// equal reports whether the first argument is equal to one of the others.
func equal(_ *allowance, args []any) (any, error) {
	found := false
	for _, other := range args[1:] {
		c, err := compare(args[0], other)
		if err != nil {
			return nil, err
		}
		found = found || c == 0
	}
	return found, nil
}

func notEqual(a *allowance, args []any) (any, error) {
	same, err := equal(a, args)
	return same == false, err
}

// compared makes a function that orders two values.
func compared(want func(int) bool) func(*allowance, []any) (any, error) {
	return func(_ *allowance, args []any) (any, error) {
		if _, ok := args[0].(bool); ok {
			return nil, errors.New("truth values have no order")
		}
		c, err := compare(args[0], args[1])
		return want(c), err
	}
}

// compare orders two texts or two numbers, and tells equal truth values.
func compare(v, w any) (int, error) {
	switch v := v.(type) {
	case string:
		if w, ok := w.(string); ok {
			return strings.Compare(v, w), nil
		}
	case int:
		if w, ok := w.(int); ok {
			return cmp.Compare(v, w), nil
		}
	case bool:
		if w, ok := w.(bool); ok && v == w {
			return 0, nil
		} else if ok {
			return 1, nil
		}
	}
	return 0, errors.New("only two texts, two numbers or two truth values can be compared")
}

func length(_ *allowance, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return len(v), nil
	case []string:
		return len(v), nil
	case map[string]string:
		return len(v), nil
	}
	return nil, errors.New("len takes text, a list or a map")
}

// index MAP KEY or LIST NUMBER. What isn't there is nil, so that default works
// on it.
func index(_ *allowance, args []any) (any, error) {
	switch v := args[0].(type) {
	case map[string]string:
		if key, ok := args[1].(string); ok {
			return lookup(v, key), nil
		}
	case []string:
		if i, ok := args[1].(int); ok && i >= 0 && i < len(v) {
			return v[i], nil
		} else if ok {
			return nil, nil
		}
	}
	return nil, errors.New("index takes a map and a key, or a list and a number")
}

// slice TEXT FROM and perhaps TO, in bytes.
func slice(_ *allowance, args []any) (any, error) {
	text, ok := args[0].(string)
	from, fromOK := args[1].(int)
	to, toOK := len(text), true
	if len(args) == 3 {
		to, toOK = args[2].(int)
	}
	switch {
	case !ok || !fromOK || !toOK:
		return nil, errors.New("slice takes text and one or two numbers")
	case from < 0 || to < from || to > len(text):
		return nil, errors.New("slice reaches beyond the text")
	}
	return text[from:to], nil
}

// printAll writes its arguments one after the other, with a space between two
// that are both not text.
func printAll(a *allowance, args []any) (any, error) {
	for _, arg := range args {
		text, err := scalarText(arg)
		if err != nil {
			return nil, err
		}
		if err := a.hold(2*int64(len(text)) + 1); err != nil { // twice: the buffer grows ahead
			return nil, err
		}
	}
	return fmt.Sprint(args...), nil
}

var errVerb = errors.New("printf knows %s, %q, %d, %t, %v and %% only, without width or precision")

// printFormat takes FORMAT and what goes into it: %s for text, %q for text in
// quotes, %d for a number, %t for a truth value, %v for any of them, %% for
// itself.
func printFormat(a *allowance, args []any) (any, error) {
	format, ok := args[0].(string)
	if !ok {
		return nil, errors.New("printf takes a format first")
	}
	size, rest := len(format), args[1:]
	for _, after, found := strings.Cut(format, "%"); found; _, after, found = strings.Cut(after[1:], "%") {
		switch {
		case after == "":
			return nil, errVerb
		case after[0] == '%':
			continue
		case len(rest) == 0:
			return nil, errors.New("printf has fewer arguments than verbs")
		}
		n, err := formattedSize(after[0], rest[0])
		if err != nil {
			return nil, err
		}
		size, rest = size+n, rest[1:]
	}
	if len(rest) > 0 {
		return nil, errors.New("printf has more arguments than verbs")
	}
	if err := a.hold(2 * int64(size)); err != nil { // twice: the buffer grows ahead
		return nil, err
	}
	return fmt.Sprintf(format, args[1:]...), nil
}

// formattedSize returns how many bytes a value takes at most by one verb.
func formattedSize(verb byte, v any) (int, error) {
	fits := true
	switch verb {
	case 'v':
	case 's', 'q':
		_, fits = v.(string)
	case 'd':
		_, fits = v.(int)
	case 't':
		_, fits = v.(bool)
	default:
		return 0, errVerb
	}
	if !fits {
		return 0, fmt.Errorf("printf can't write this kind of value by %%%c", verb)
	}
	text, err := scalarText(v)
	if verb == 'q' {
		return 4*len(text) + 2, nil
	}
	return len(text), err
}
