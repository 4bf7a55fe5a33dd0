package transform

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// function is one function of templates.
type function struct {
	least, most int // how many arguments it takes
	// textFirst marks those whose first argument is the text to work on, as in
	// {{replace .TargetNamespace "-" "_"}}. A pipe would hand the text in last
	// and silently do something else, so that is refused.
	textFirst bool
	// takesMissing marks those that can be handed a key that isn't there.
	takesMissing bool
	// decides is the truth at which a function returns an argument without
	// looking at those that follow; nil for all but and, or.
	decides *bool
	call    func(a *allowance, args []any) (any, error)
}

// anyNumber stands for a function without an upper bound of arguments; the size
// of the rules bounds it.
const anyNumber = 1 << 20

var (
	functions = map[string]function{
		"upper":      onText(3, strings.ToUpper), // some letters take more bytes so
		"lower":      onText(3, strings.ToLower),
		"trim":       onText(0, strings.TrimSpace),
		"quote":      onText(4, strconv.Quote),
		"b64enc":     onText(2, encode64),
		"sha256sum":  onText(0, sha256sum),
		"trimPrefix": onTexts(2, func(_ *allowance, s []string) (any, error) { return strings.TrimPrefix(s[0], s[1]), nil }),
		"trimSuffix": onTexts(2, func(_ *allowance, s []string) (any, error) { return strings.TrimSuffix(s[0], s[1]), nil }),
		"hasPrefix":  onTexts(2, func(_ *allowance, s []string) (any, error) { return strings.HasPrefix(s[0], s[1]), nil }),
		"hasSuffix":  onTexts(2, func(_ *allowance, s []string) (any, error) { return strings.HasSuffix(s[0], s[1]), nil }),
		"contains":   onTexts(2, func(_ *allowance, s []string) (any, error) { return strings.Contains(s[0], s[1]), nil }),
		"replace":    onTexts(3, replace),
		"split":      onTexts(2, split),
		"b64dec":     onTexts(1, b64dec),
		"join":       {least: 2, most: 2, textFirst: true, call: join},

		"default":  {least: 2, most: 2, takesMissing: true, call: fallback},
		"required": {least: 2, most: 2, takesMissing: true, call: required},
		"and":      {least: 1, most: anyNumber, takesMissing: true, decides: new(false), call: last},
		"or":       {least: 1, most: anyNumber, takesMissing: true, decides: new(true), call: last},
		"not":      {least: 1, most: 1, takesMissing: true, call: not},

		"eq":     {least: 2, most: anyNumber, call: equal},
		"ne":     {least: 2, most: 2, call: notEqual},
		"lt":     {least: 2, most: 2, call: compared(func(c int) bool { return c < 0 })},
		"le":     {least: 2, most: 2, call: compared(func(c int) bool { return c <= 0 })},
		"gt":     {least: 2, most: 2, call: compared(func(c int) bool { return c > 0 })},
		"ge":     {least: 2, most: 2, call: compared(func(c int) bool { return c >= 0 })},
		"len":    {least: 1, most: 1, call: length},
		"index":  {least: 2, most: 2, call: index},
		"slice":  {least: 2, most: 3, call: slice},
		"print":  {least: 0, most: anyNumber, call: printAll},
		"printf": {least: 1, most: anyNumber, call: printFormat},
		"toJson": {least: 1, most: 1, call: toJSON},
	}
	functionNames = strings.Join(slices.Sorted(maps.Keys(functions)), ", ")
)

// accepts checks what can be told of a call before it runs.
func (f function) accepts(args []parse.Node, piped bool) error {
	n := len(args)
	if piped {
		n++
	}
	if n < f.least || n > f.most {
		return errors.New("the function takes another number of arguments")
	}
	if piped && f.textFirst && n > 1 {
		return errors.New("the function takes its text as the first argument: name it there, a pipe would put it last")
	}
	return nil
}

// run calls the function. Reading text costs work by its length; the functions
// that read whole lists and maps ask for that themselves.
func (f function) run(a *allowance, args []any) (any, error) {
	for _, arg := range args {
		if arg == nil && !f.takesMissing {
			return nil, errMissing
		}
		text, _ := arg.(string)
		if err := a.work(1 + len(text)/bytesPerStep); err != nil {
			return nil, err
		}
	}
	return f.call(a, args)
}

// sizeOf is about how many bytes a value takes.
func sizeOf(v any) int64 {
	const header = 16 // of a string
	size := int64(header)
	switch v := v.(type) {
	case string:
		return int64(len(v))
	case []string:
		for _, s := range v {
			size += header + int64(len(s))
		}
	case map[string]string:
		for key, s := range v {
			size += 2*header + int64(len(key)+len(s))
		}
	}
	return size
}

// onTexts makes a function of n texts.
func onTexts(n int, call func(*allowance, []string) (any, error)) function {
	return function{least: n, most: n, textFirst: true, call: func(a *allowance, args []any) (any, error) {
		texts := make([]string, 0, 3)
		for i, arg := range args {
			s, ok := arg.(string)
			if !ok {
				return nil, fmt.Errorf("argument %d must be text", i+1)
			}
			texts = append(texts, s)
		}
		return call(a, texts)
	}}
}

// onText makes a function of one text whose outcome is at most growth times as
// long, and 64 bytes.
func onText(growth int64, call func(string) string) function {
	return onTexts(1, func(a *allowance, s []string) (any, error) {
		if err := a.hold(growth*int64(len(s[0])) + 64); err != nil {
			return nil, err
		}
		return call(s[0]), nil
	})
}

func sha256sum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// replace TEXT OLD NEW
func replace(a *allowance, s []string) (any, error) {
	times := int64(strings.Count(s[0], s[1]))
	if err := a.hold(int64(len(s[0])) + times*int64(len(s[2]))); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(s[0], s[1], s[2]), nil
}

// split TEXT SEPARATOR
func split(a *allowance, s []string) (any, error) {
	if err := a.hold(16 * int64(strings.Count(s[0], s[1])+1)); err != nil {
		return nil, err
	}
	return strings.Split(s[0], s[1]), nil
}

// join LIST SEPARATOR
func join(a *allowance, args []any) (any, error) {
	list, isList := args[0].([]string)
	separator, isText := args[1].(string)
	if !isList || !isText {
		return nil, errors.New("join takes a list and a text")
	}
	if err := a.hold(sizeOf(list) + int64(len(list))*int64(len(separator))); err != nil {
		return nil, err
	}
	return strings.Join(list, separator), nil
}

func b64dec(a *allowance, s []string) (any, error) {
	if err := a.hold(int64(len(s[0]))); err != nil {
		return nil, err
	}
	decoded, err := base64.StdEncoding.DecodeString(s[0])
	if err != nil {
		return nil, errors.New("the text isn't base64") // the library's error quotes it
	}
	return string(decoded), nil
}

// fallback DEFAULT VALUE
func fallback(_ *allowance, args []any) (any, error) {
	if isTrue(args[1]) {
		return args[1], nil
	}
	return args[0], nil
}

// required MESSAGE VALUE. The message is for readers of the rule: it is content
// and stays out of the problem.
func required(_ *allowance, args []any) (any, error) {
	if !isTrue(args[1]) {
		return nil, errors.New("a value that the template requires is missing or empty")
	}
	return args[1], nil
}

func last(_ *allowance, args []any) (any, error) { return args[len(args)-1], nil }

func not(_ *allowance, args []any) (any, error) { return !isTrue(args[0]), nil }

// toJSON writes text, numbers, truth values, lists and maps of text as JSON;
// a byte takes six at most.
func toJSON(a *allowance, args []any) (any, error) {
	if _, ok := args[0].(*Context); ok {
		return nil, errors.New("toJson takes a variable, not all of them")
	}
	if err := a.hold(6*sizeOf(args[0]) + 16); err != nil {
		return nil, err
	}
	text, err := json.Marshal(args[0])
	if err != nil {
		return nil, errors.New("toJson can't write this")
	}
	return string(text), nil
}
